package index

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTextTest compares the quick ways with the expression and the words.
func TestTextTest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	random := func(pieces []string, n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	patterns := []string{"a", "B", "k", "s", "*", "**", "/", "/**/", "**/", "/**", "?", ".", "\\", " ", "\u212a", "ſ", "é", "1"}
	texts := []string{"a", "A", "b", "k", "K", "s", "/", ".", "\\", " ", "-", "\n", "é", "\u212a", "1", "\xff"}
	held := 0
	for range 8_000 {
		field := []string{fieldName, fieldPath, fieldTag}[r.IntN(3)]
		op := []string{opHas, opEqual, opIn, "<", ">="}[r.IntN(5)]
		p, s := random(patterns, 7), random(texts, 9)
		l := newLiteral(field, op, p)
		want := l.holds(op, value{kind: text, text: s})
		if got := l.textTest(op)([]byte(s)); got != want {
			t.Fatalf("%s%s%q on %q: %v, want %v", field, op, p, s, got, want)
		}
		if want {
			held++
		}
	}
	if held < 400 {
		t.Errorf("only %d comparisons held", held)
	}
}
