package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible replaces what would act on a terminal, or would hide what a name is,
// by escapes such as \x1b and \n: names of files are whatever others made them.
func visible(s string) string { return visibleBut(s, "") }

// visibleBut is visible with some characters let through.
func visibleBut(s, let string) string {
	harmless := func(r rune, size int) bool {
		return strings.ContainsRune(let, r) || !unicode.IsControl(r) && !isBidi(r) && (r != utf8.RuneError || size > 1)
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case harmless(r, size):
			out.WriteString(s[i : i+size])
		case r == '\n':
			out.WriteString(`\n`)
		case size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		i += size
	}
	return out.String()
}

// isBidi knows the characters that turn the direction of what follows.
func isBidi(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }
