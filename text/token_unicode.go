package text

import (
	"unicode"
	"unicode/utf8"
)

var (
	punctSet      = newRuneSet(flip(append(tableRanges(unicode.P), asciiSymbols...), punctFlips))
	nonspacingSet = newRuneSet(flip(tableRanges(unicode.Mn), nonspacingFlips))
	markSet       = newRuneSet(flip(tableRanges(unicode.M), markFlips))
	otherSet      = newRuneSet(flip(tableRanges(unicode.Cc, unicode.Cf, unicode.Co), otherFlips))
	numericSet    = newRuneSet(flip(tableRanges(unicode.N), numericAdds))
	keptSet       = newRuneSet(notCompatible)
	newMarkSet    = newRuneSet(newMarks)
)

var asciiSymbols = []rune{'$', '$', '+', '+', '<', '>', '^', '^', '`', '`', '|', '|', '~', '~'}

// flip adds to a what is only in b and removes what is in both.
func flip(a, b []rune) []rune {
	a = mergeRanges(a)
	return mergeRanges(append(intersect(a, complement(mergeRanges(b))), intersect(complement(a), mergeRanges(b))...))
}

func isPunct(r rune) bool      { return punctSet.has(r) }
func isNonspacing(r rune) bool { return nonspacingSet.has(r) }
func isOther(r rune) bool      { return otherSet.has(r) }
func isNumeric(r rune) bool    { return numericSet.has(r) }
func isSpace(r rune) bool      { return unicode.Is(unicode.White_Space, r) }

// lowerRune is Rust's one-to-one lower case: Go's, and the letters newer than Go's tables.
func lowerRune(r rune) rune {
	switch {
	case r < 0x1C89:
	case r == 0x1C89, r == 0xA7CC, r == 0xA7CE, r == 0xA7D2, r == 0xA7D4, r == 0xA7DA:
		return r + 1
	case r == 0xA7CB:
		return 0x264
	case r == 0xA7DC:
		return 0x19B
	case r >= 0x10D50 && r <= 0x10D65:
		return r + 0x20
	case r >= 0x16EA0 && r <= 0x16EB8:
		return r + 0x1B
	}
	return unicode.ToLower(r)
}

// validUTF8 replaces what is not UTF-8 by U+FFFD, one for every maximal part of a character, as Python does.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			n = brokenLength(s[i:])
			b = append(b, "\uFFFD"...)
		} else {
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return string(b)
}

// brokenLength is how many bytes of s begin a character that is then broken off; at least one.
func brokenLength(s string) int {
	lo, hi, want := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		want = 1
	case c >= 0xE0 && c <= 0xEF:
		want = 2
		if c == 0xE0 {
			lo = 0xA0
		} else if c == 0xED {
			hi = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		want = 3
		if c == 0xF0 {
			lo = 0x90
		} else if c == 0xF4 {
			hi = 0x8F
		}
	}
	n := 1
	for ; n <= want && n < len(s) && s[n] >= lo && s[n] <= hi; n++ {
		lo, hi = 0x80, 0xBF
	}
	return n
}
