package words

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// lower composes a word and puts it into lower case, accents kept: what stemmers
// want.
func lower(word string) string {
	if plain(word) {
		return word
	}
	return strings.ReplaceAll(norm.NFC.String(strings.ToLower(norm.NFKC.String(word))), "i̇", "i")
}

func plain(word string) bool {
	for i := range len(word) {
		if c := word[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// letters that decomposition leaves alone
var spelled = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i", 'ħ': "h",
	'ς': "σ", 'ё': "е",
	'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا", 'ى': "ي", 'ی': "ي", 'ک': "ك", 'ة': "ه", 'ۀ': "ه", 'ؤ': "و", 'ئ': "ي",
	'ـ': "",
}

// fold takes the accents off a word in lower case. Marks that are vowels, as in the
// scripts of India, stay.
func fold(word string) string {
	if plain(word) {
		return word
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(word) {
		if s, ok := spelled[r]; ok {
			b.WriteString(s)
			continue
		}
		if !unicode.In(r, unicode.Latin, unicode.Greek) {
			if !unicode.In(r, unicode.Inherited) && !(unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Arabic, unicode.Hebrew)) {
				b.WriteRune(r)
			}
			continue
		}
		for _, part := range norm.NFD.String(string(r)) {
			if s, ok := spelled[part]; ok {
				b.WriteString(s)
			} else if !unicode.Is(unicode.Mn, part) {
				b.WriteRune(part)
			}
		}
	}
	return b.String()
}
