package index

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// wording is a text for comparing by words: composed, in lower case.
type wording struct {
	whole string
	list  []string
}

func wordsOf(s string) wording {
	w := wording{whole: strings.ToLower(norm.NFC.String(s))}
	w.list = strings.FieldsFunc(w.whole, isNoWord)
	return w
}

func isNoWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// within says whether the words stand in o one after another, or the two are the
// same.
func (w wording) within(o wording) bool {
	if w.whole == o.whole {
		return true
	}
	for at := 0; len(w.list) > 0 && at+len(w.list) <= len(o.list); at++ {
		if equalWords(w.list, o.list[at:at+len(w.list)]) {
			return true
		}
	}
	return false
}

func equalWords(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// compilePattern turns a pattern with * and ? into an expression, which takes
// time in proportion to the text. Of a file, * stops at folders; other texts are
// matched from one end of a word to another unless all of it is meant.
func compilePattern(s string, file, exact bool) *regexp.Regexp {
	any, one, before, end := ".*", ".", `(?:^|[^\pL\pN\pM])`, `(?:$|[^\pL\pN\pM])`
	if exact {
		before, end = "^", "$"
	}
	if file {
		any, one, before, end = "[^/]*", "[^/]", "(?:^|/)", "$"
		if strings.HasPrefix(s, "/") {
			before = "^"
		}
	}
	body := strings.NewReplacer(
		`/\*\*/`, "/(?:.*/)?",
		`\*\*/`, "(?:.*/)?",
		`\*\*`, ".*",
		`\*`, any,
		`\?`, one,
	).Replace(regexp.QuoteMeta(s))
	// All that lies in a folder is the folder itself too.
	if rest, ok := strings.CutSuffix(body, "/.*"); ok && file {
		body = rest + "(?:/.*)?"
	}
	flags := "(?is)"
	if exact {
		flags = "(?s)"
	}
	return regexp.MustCompile(flags + before + body + end)
}
