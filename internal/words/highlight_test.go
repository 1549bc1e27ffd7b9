package words

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestHighlight(t *testing.T) {
	for _, c := range []struct{ query, text, want string }{
		{"dog beach", "Two dogs on the BEACH.", "Two [dogs] on the [BEACH]."},
		{"hund", "Zwei Hunde am Strand", "Zwei [Hunde] am Strand"},
		{`"red door"`, "A door, a red door, red", "A door, a [red] [door], red"},
		{"sun*", "SunsetBeach and sunny", "[SunsetBeach] and [sunny]"},
		{"beech~", "the beach", "the [beach]"},
		{"東京タワー", "夜の東京タワーです", "夜の[東][京][タ][ワ][ー]です"},
		{"東京", "夜の東京タワー", "夜の[東][京]タワー"},
		{"cafe", "Das Café", "Das [Café]"},
		{"cat", "nothing of it", ""},
	} {
		q, err := Parse(c.query, false)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := Highlight(q, c.text, "", 200)
		got := ""
		if ok {
			got = painted(c.text, f)
		}
		if got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.query, c.text, got, c.want)
		}
	}
}

func painted(text string, f Fragment) string {
	var b strings.Builder
	at := f.Start
	for _, m := range f.Marks {
		b.WriteString(text[at:m.Start] + "[" + text[m.Start:m.End] + "]")
		at = m.End
	}
	return b.String() + text[at:f.End]
}

func TestHighlightKeepsToTheSize(t *testing.T) {
	text := strings.Repeat("grass and sky. ", 200) + "A dog on a beach. " + strings.Repeat("more of it, dog. ", 100)
	q, _ := Parse("dog beach", false)
	f, ok := Highlight(q, text, "", 80)
	if !ok || f.End-f.Start > 80 || !strings.Contains(text[f.Start:f.End], "dog on a beach") || len(f.Marks) < 2 {
		t.Errorf("%q %v", text[f.Start:f.End], f.Marks)
	}
}

// TestHighlightsAreTheMatches: a word is marked exactly where the search that found the
// document says there is one.
func TestHighlightsAreTheMatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		text := randomText(rng, 1)
		text.Values = text.Values[:1]
		q, err := Parse(randomQuery(rng), rng.IntN(2) == 0)
		if err != nil {
			t.Fatal(err)
		}
		d := Analyse(text)
		heard := false
		for c := range q.clauses {
			heard = heard || q.clauses[c].in(d) > 0
		}
		_, marked := Highlight(q, text.Values[0].Text, text.Lang, 1<<20)
		if heard != marked {
			t.Fatalf("%+v in %q (%s): heard %v, marked %v", q.clauses, text.Values[0].Text, text.Lang, heard, marked)
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, c := range inflected {
		f.Add(c.caption, c.query)
	}
	f.Add("İ\u0301a\u0307 ﬁ ＡＢ \xff\xfe a\u200cb", "\"\" * ~ ~~ *~ \"")
	f.Fuzz(func(t *testing.T, text, query string) {
		q, err := Parse(query, true)
		if err != nil {
			return
		}
		d := Analyse(Text{Values: []Value{{Prose, text}}})
		for i := range q.clauses {
			q.clauses[i].in(d)
		}
		if fragment, ok := Highlight(q, text, "", 40); ok {
			if fragment.Start < 0 || fragment.End > len(text) || len(fragment.Marks) == 0 {
				t.Errorf("%q: %+v", text, fragment)
			}
			painted(text, fragment)
		}
		// What a text says is found by saying it.
		for token := range tokens(text) {
			word := text[token.start:token.end]
			if q, err := Parse(word, false); err == nil && len(q.clauses) == 1 && q.clauses[0].in(d) == 0 && q.clauses[0].text != "" {
				t.Errorf("%q of %q is not found", word, text)
			}
		}
		if !reflect.DeepEqual(d, Analyse(Text{Values: []Value{{Prose, text}}})) {
			t.Errorf("%q: two analyses differ", text)
		}
	})
}
