package words

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// token is a word where it stands in a text.
type token struct {
	start, end int // bytes of the text
	kind       kind
}

type kind uint8

const (
	gap    kind = iota // what lies between words
	letter             // scripts that part their words
	digit
	packed // scripts that do not: each character is a token
)

// kindOf classifies a character. Marks belong to what they follow.
func kindOf(r rune) kind {
	if r < 0x80 {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return letter
		case '0' <= r && r <= '9':
			return digit
		}
		return gap
	}
	switch {
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar) || r == 'ー':
		return packed
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	}
	return gap
}

// tokens yields the words of a text: runs of letters, runs of digits, single characters
// of scripts without spaces.
func tokens(text string) iter.Seq[token] {
	return func(yield func(token) bool) {
		var open token
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			k := kindOf(r)
			switch {
			case unicode.IsMark(r) && open.kind != gap && k != packed:
				open.end = i + n
			case k == open.kind && k != gap && k != packed:
				open.end = i + n
			default:
				if open.kind != gap && !yield(open) {
					return
				}
				open = token{i, i + n, k}
			}
			i += n
		}
		if open.kind != gap {
			yield(open)
		}
	}
}

// humps are the parts of a word like SunsetBeach, or nothing for a word without a
// capital after a small letter.
func humps(word string) []string {
	var parts []string
	from, small := 0, false
	for i, r := range word {
		if small && unicode.IsUpper(r) {
			parts = append(parts, word[from:i])
			from = i
		}
		small = unicode.IsLower(r)
	}
	if from == 0 {
		return nil
	}
	return append(parts, word[from:])
}
