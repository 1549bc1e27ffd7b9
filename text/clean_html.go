package text

import (
	"html"
	"strings"
	"unicode/utf8"
)

// htmlRef finds character references as Python's html module does.
var htmlRef = mustPattern(`&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)`)

// unescapeHTML is Python's html.unescape.
func unescapeHTML(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return htmlRef.replace(s, unescapeRef)
}

func unescapeRef(ref string) string {
	if ref[1] == '#' {
		return unescapeNumber(strings.TrimSuffix(ref[2:], ";"))
	}
	name := ref[1:]
	if c, ok := entity(name); ok {
		return c
	}
	for i := len(name) - 1; i > 1; i-- { // the longest name that it begins with
		if !utf8.RuneStart(name[i]) {
			continue
		}
		if c, ok := entity(name[:i]); ok {
			return c + name[i:]
		}
	}
	return ref
}

// entity looks up an HTML 5 name, with or without its semicolon, exactly.
func entity(name string) (string, bool) {
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ';' && i == len(name)-1) {
			return "", false
		}
	}
	s := html.UnescapeString("&" + name)
	switch {
	case name == "" || s == "&"+name:
		return "", false
	case strings.HasSuffix(name, ";"): // what is left over would end in the semicolon
		return s, s == ";" || !strings.HasSuffix(s, ";")
	}
	return s, utf8.RuneCountInString(s) == 1
}

// What the numbers of Windows-1252's control range mean in HTML.
var windowsRefs = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

func unescapeNumber(digits string) string {
	base := uint32(10)
	if digits[0] == 'x' || digits[0] == 'X' {
		base, digits = 16, digits[1:]
	}
	n := uint32(0)
	for _, d := range digits {
		v := uint32(d - '0')
		if d > '9' {
			v = uint32(d|0x20) - 'a' + 10
		}
		n = min(n*base+v, 0x110000)
	}
	switch {
	case n == 0 || n >= 0xD800 && n <= 0xDFFF || n > 0x10FFFF:
		return "\uFFFD"
	case n == 0x0D:
		return "\r"
	case n >= 0x80 && n <= 0x9F:
		return string(windowsRefs[n-0x80])
	case n <= 8, n == 0x0B, n >= 0x0E && n <= 0x1F, n == 0x7F, n >= 0xFDD0 && n <= 0xFDEF, n&0xFFFE == 0xFFFE:
		return ""
	}
	return string(rune(n))
}
