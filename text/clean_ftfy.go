package text

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

const maxSegment = 1_000_000 // characters that are repaired at once

// fixText is ftfy.fix_text with its defaults: it undoes wrong decodings, HTML escapes, ligatures, full-width forms,
// curly quotes, odd line breaks and control characters, line by line.
func fixText(s string) string {
	var b strings.Builder
	unescape := true
	for len(s) > 0 {
		end := strings.IndexByte(s, '\n') + 1
		if end == 0 {
			end = len(s)
		}
		if utf8.RuneCountInString(s[:end]) > maxSegment {
			end = len(string([]rune(s[:end])[:maxSegment]))
		}
		if strings.Contains(s[:end], "<") {
			unescape = false // HTML is left alone from here on
		}
		b.WriteString(fixSegment(s[:end], unescape))
		s = s[end:]
	}
	return b.String()
}

func fixSegment(s string, unescape bool) string {
	if plainASCII(s) {
		return s
	}
	for {
		before := s
		if unescape {
			s = unescapeStrict(s)
		}
		s = fixEncoding(s)
		s = fixControls(s)
		s = fixCharacters(s)
		s = lineBreaks.Replace(s)
		s = ansiEscape.replace(s, func(string) string { return "" })
		s = formString(norm.NFC, strings.Map(dropControl, s))
		if s == before {
			return s
		}
	}
}

// plainASCII reports text that no step changes.
func plainASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7F || c < 0x20 && c != '\n' && c != '\t' || c == '&' {
			return false
		}
	}
	return true
}

var (
	strictRef  = mustPattern(`&#?[0-9A-Za-z]{1,24};`)
	ansiEscape = mustPattern(`\x1B\[(?:\d|;)*[a-zA-Z]`)
	lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n")
)

// unescapeStrict replaces unambiguous references, and names that were upper-cased.
func unescapeStrict(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return strictRef.replace(s, func(ref string) string {
		if ref[1] == '#' {
			if c := unescapeHTML(ref); !strings.Contains(c, ";") {
				return c
			}
			return ref
		}
		if c, ok := entity(ref[1:]); ok {
			return c
		}
		lower := strings.ToLower(ref[1:])
		if c, ok := entity(lower); ok && strings.ToUpper(ref) == ref && unescapeHTML(ref) == ref {
			return upper(c)
		}
		return ref
	})
}

var upperSpecial = strings.NewReplacer("ß", "SS", "ŉ", "ʼN", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ǰ", "J̌")

func upper(s string) string { return strings.ToUpper(upperSpecial.Replace(s)) }

// fixControls reads C1 control characters as Windows-1252.
func fixControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r <= 0x9F {
			return windowsRefs[r-0x80]
		}
		return r
	}, s)
}

func dropControl(r rune) rune {
	switch {
	case r <= 8, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r >= 0x206A && r <= 0x206F, r == 0xFEFF, r >= 0xFFF9 && r <= 0xFFFC:
		return -1
	}
	return r
}

var ligatures = map[rune]string{'Ĳ': "IJ", 'ĳ': "ij", 'ŉ': "ʼn", 'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž",
	'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj", 'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st"}

// fixCharacters breaks ligatures, then normalises widths, then straightens quotes.
func fixCharacters(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if l, ok := ligatures[r]; ok {
			for _, c := range l {
				b.WriteRune(straight(c))
			}
		} else if r >= 0xFF01 && r < 0xFFF0 {
			b.WriteString(norm.NFKC.String(string(r)))
		} else if r == 0x3000 {
			b.WriteByte(' ')
		} else {
			b.WriteRune(straight(r))
		}
	}
	return b.String()
}

func straight(r rune) rune {
	switch {
	case r == 0x2BC, r >= 0x2018 && r <= 0x201B:
		return '\''
	case r >= 0x201C && r <= 0x201F:
		return '"'
	}
	return r
}

// codec is a one-byte encoding that text may have been decoded with by mistake.
type codec struct {
	sloppy, macRoman bool
	bytes            map[rune]byte
}

// codecs in the order ftfy tries them. A sloppy one also has the bytes that the standard leaves open, and stands 1A
// for U+FFFD.
var codecs = []codec{
	newCodec(charmap.ISO8859_1, false, false), newCodec(charmap.Windows1252, true, false), newCodec(charmap.Windows1251, true, false),
	newCodec(charmap.Windows1250, true, false), newCodec(charmap.Windows1253, true, false), newCodec(charmap.Windows1254, true, false),
	newCodec(charmap.Windows1257, true, false), newCodec(charmap.ISO8859_2, false, false), newCodec(charmap.Macintosh, false, true),
	newCodec(charmap.CodePage437, false, false),
}

func newCodec(m *charmap.Charmap, sloppy, macRoman bool) codec {
	c := codec{sloppy, macRoman, make(map[rune]byte, 256)}
	for i := range 256 {
		r := rune(i)
		if i >= 0x80 {
			if d := m.DecodeByte(byte(i)); d != utf8.RuneError {
				r = d
			}
		} else if i == 0x1A && sloppy {
			r = 0xFFFD
		}
		c.bytes[r] = byte(i)
	}
	return c
}

// encode returns the bytes as a string of Latin-1 characters; ok is false if a character is not in the encoding.
func (c *codec) encode(s string) (latin string, ok bool) {
	var b strings.Builder
	for _, r := range s {
		v, ok := c.bytes[r]
		if !ok {
			return "", false
		}
		b.WriteRune(rune(v))
	}
	return b.String(), true
}

// decode tries to read text of this encoding as UTF-8, after putting back bytes that were lost.
func (c *codec) decode(latin string) (string, bool) {
	if !c.macRoman && alteredPattern.matches(latin) {
		latin = gravePattern.replace(latin, func(string) string { return "\u00C3\u00A0 " })
		latin = alteredPattern.replace(latin, func(m string) string { return strings.ReplaceAll(m, " ", "\u00A0") })
	}
	if c.sloppy {
		latin = lossyPattern.replace(latin, func(string) string { return "\u00EF\u00BF\u00BD" })
	}
	raw := make([]byte, 0, len(latin))
	for _, r := range latin {
		raw = append(raw, byte(r))
	}
	return decodeVariants(raw)
}

// decodeVariants reads UTF-8, with Java's C0 80 for NUL and surrogate pairs of three bytes each.
func decodeVariants(raw []byte) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			if r, n = decodeVariant(raw[i:]); n == 0 {
				return "", false
			}
		}
		b.WriteRune(r)
		i += n
	}
	return b.String(), true
}

func decodeVariant(p []byte) (rune, int) {
	if len(p) >= 2 && p[0] == 0xC0 && p[1] == 0x80 {
		return 0, 2
	}
	in := func(b, lo, hi byte) bool { return b >= lo && b <= hi }
	if len(p) >= 6 && p[0] == 0xED && in(p[1], 0xA0, 0xAF) && in(p[2], 0x80, 0xBF) && p[3] == 0xED && in(p[4], 0xB0, 0xBF) && in(p[5], 0x80, 0xBF) {
		return rune(p[1]&0x0F)<<16 + rune(p[2]&0x3F)<<10 + rune(p[4]&0x0F)<<6 + rune(p[5]&0x3F) + 0x10000, 6
	}
	return 0, 0
}

// fixEncoding repeats the step until nothing changes.
func fixEncoding(s string) string {
	for {
		before := s
		if s = fixEncodingStep(s); s == before {
			return s
		}
	}
}

func fixEncodingStep(s string) string {
	if ascii(s) || !badPattern.matches(s) {
		return s
	}
	isLatin := false
	for i := range codecs {
		latin, ok := codecs[i].encode(s)
		if !ok {
			continue
		}
		isLatin = isLatin || i == 0
		if fixed, ok := codecs[i].decode(latin); ok {
			return fixed
		}
	}
	if fixed := fixEmbedded(s); fixed != s {
		return fixed
	}
	if isLatin {
		if fixed, ok := latinAsWindows(s); ok && fixed != s {
			return fixed
		}
	}
	return fixControls(s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// fixEmbedded repairs the parts that look like UTF-8 on their own.
func fixEmbedded(s string) string {
	return embeddedPattern.replace(s, func(part string) string {
		if len(part) < len(s) && badPattern.matches(part) {
			return fixEncoding(part)
		}
		return part
	})
}

// latinAsWindows reads Latin-1's control characters as Windows-1252; five bytes mean nothing there.
func latinAsWindows(s string) (string, bool) {
	if strings.ContainsAny(s, "\u0081\u008D\u008F\u0090\u009D") {
		return "", false
	}
	return fixControls(s), true
}
