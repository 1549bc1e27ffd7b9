package main

import "testing"

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"/a b/ünï→日本.jpg":       "/a b/ünï→日本.jpg",
		"👩\u200d👧.png":          "👩\u200d👧.png",
		"a\nb":                  `a\nb`,
		"\x1b[31mred\x1b]0;t\a": `\x1b[31mred\x1b]0;t\x07`,
		"\u009b31m":             `\u009b31m`,
		"a\u202egpj.exe":        `a\u202egpj.exe`,
		"\xff\xfe.jpg":          `\xff\xfe.jpg`,
		"\ufffd":                "\ufffd",
		"":                      "",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
	if got := visibleBut("a\n\x1b", "\n"); got != "a\n\\x1b" {
		t.Errorf("got %q", got)
	}
}
