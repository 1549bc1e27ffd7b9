package text

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func goSpans(re *regexp.Regexp, s string) [][2]int {
	var out [][2]int
	for _, m := range re.FindAllStringIndex(s, -1) {
		out = append(out, [2]int{m[0], m[1]})
	}
	return out
}

func ownSpans(p *pattern, s string) [][2]int {
	var out [][2]int
	for _, sp := range p.spans(s, nil) {
		if sp.match {
			out = append(out, [2]int{sp.start, sp.end})
		}
	}
	return out
}

func TestPatternLookaround(t *testing.T) {
	gpt2 := `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	for _, c := range []struct {
		pattern, text string
		want          []string
	}{
		{gpt2, "Hello  world's 12!", []string{"Hello", " ", " world", "'s", " 12", "!"}},
		{gpt2, "a\n\n  b ", []string{"a", "\n\n ", " b", " "}},
		{`(?i:'s|'ll)|x`, "'S 'Ll X x", []string{"'S", "'Ll", "x"}},
		{`(?<![a-c])\d+`, "a12 45", []string{"2", "45"}},
		{`a++a|b`, "aaab", []string{"b"}},
		{`(?>a+|b)c`, "aac bc", []string{"aac", "bc"}},
		{`[\p{L}&&[^a-m]]+`, "abcxyz", []string{"xyz"}},
		{`[[:digit:]_]{2,3}`, "1_23_4", []string{"1_2", "3_4"}},
		{`\p{^Lu}+`, "ABcdE", []string{"cd"}},
		{`(?=b)|c`, "abc", []string{"", "c"}},
		{` {2,}`, "a   b c", []string{"   "}},
		{`a{,2}b`, "aaab b", []string{"aab", "b"}},
		{`.*?x`, "aaxbx", []string{"aax", "bx"}},
		{`^b$`, "a\nb\nc", []string{"b"}},
		{`\bcat\b`, "cat concat cat", []string{"cat", "cat"}},
		{`\R`, "a\r\nb\nc", []string{"\r\n", "\n"}},
	} {
		p, err := compilePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range ownSpans(p, c.text) {
			got = append(got, c.text[m[0]:m[1]])
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("%s on %q: got %q, want %q", c.pattern, c.text, got, c.want)
		}
	}
}

func TestPatternRefuses(t *testing.T) {
	for _, src := range []string{`(a)\1`, `(?m:a.)`, `(?<=ab)c`, `[a`, `(a`, `a)`, `\p{Nope}`, `a{2001}`, `*a`, `\X`, `[z-a]`,
		strings.Repeat("(", 500), strings.Repeat("((((a{1000}){1000}){1000}){1000})", 3), `\`, `\x{110000}`} {
		if _, err := compilePattern(src); err == nil {
			t.Errorf("%q was accepted", src)
		}
	}
}

// Patterns that take exponential or quadratic time in a naive matcher finish on long texts.
func TestPatternIsBounded(t *testing.T) {
	for _, src := range []string{`(a+)+b`, `(a|a)*b`, `(a*)*b`, `(?:a|aa)+$x`, `a*a*a*b`, `\s+$|a+b`, `(?:(?=a+b)a)+`} {
		p, err := compilePattern(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := ownSpans(p, strings.Repeat("a", 2000)); len(got) != 0 && src != `(a*)*b` {
			t.Errorf("%s: %v", src, got)
		}
	}
	p := mustPattern(`\s*[\r\n]+|\s+(?!\S)|\s+|x+y`)
	if got := len(ownSpans(p, strings.Repeat(" ", 200_000)+"a"+strings.Repeat("x", 200_000))); got != 2 {
		t.Errorf("%d matches, want 2", got)
	}
}

// shared reports whether a pattern means the same to Go's regexp: same syntax, no Unicode-only classes of ours.
func shared(src string) bool {
	for _, bad := range []string{"(?", `\`, "[", "{", "$", "^", "++", "*+", "?+", "**", "*?", "+*", "+?", "??", "?*", "()", "|)", "(|", "||"} {
		if strings.Contains(src, bad) {
			return false
		}
	}
	return utf8.ValidString(src) && !strings.HasPrefix(src, "|") && !strings.HasSuffix(src, "|")
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{`a+b|c`, "aab c"}, {`(a|b)*c`, "ababc"}, {`(a+)+b`, "aaaaaaaa"}, {`\p{L}+(?!\S)`, "ab cd"},
		{`[^\s\p{L}]{1,3}+`, "1234 "}, {`(?i:é)|.x`, "Éx"}, {`(?<!a)b`, "ab b"}, {`(?>a|ab)c`, "abc"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, src, s string) {
		if len(s) > 300 || len(src) > 60 {
			return
		}
		p, err := compilePattern(src)
		if err != nil {
			return
		}
		got := ownSpans(p, s)
		re, err := regexp.Compile(src)
		if err != nil || !shared(src) || !utf8.ValidString(s) || p.nullable() {
			return
		}
		want := goSpans(re, s)
		if len(got) != len(want) {
			t.Fatalf("%q on %q: %v, regexp says %v", src, s, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%q on %q: %v, regexp says %v", src, s, got, want)
			}
		}
	})
}

// nullable reports whether the pattern matches the empty string; the two libraries step over empty matches differently.
func (p *pattern) nullable() bool { return p.matches("") }
