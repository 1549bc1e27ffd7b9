package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder rewrites the tokens of a sequence on their way back to text.
type decoder func(tokens []string) []string

func buildDecoder(c *component, left *int) (decoder, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("more than %d components", maxComponents)
	}
	switch c.Type {
	case "ByteLevel":
		return decodeByteLevel, nil
	case "ByteFallback":
		return decodeByteFallback, nil
	case "Fuse":
		return func(t []string) []string { return []string{strings.Join(t, "")} }, nil
	case "BPEDecoder":
		f := struct{ Suffix string }{"</w>"}
		err := c.into(&f)
		return decodeSuffix(f.Suffix), err
	case "WordPiece":
		f := struct {
			Prefix  string
			Cleanup bool
		}{"##", true}
		err := c.into(&f)
		return decodeWordPiece(f.Prefix, f.Cleanup), err
	case "Metaspace":
		m, err := buildMetaspace(c)
		return decodeMetaspace(m), err
	case "Replace":
		r, err := buildReplace(c)
		if err != nil {
			return nil, err
		}
		return eachToken(r.replace), nil
	case "Strip":
		return buildStripDecoder(c)
	case "Sequence":
		return buildDecoders(c, left)
	}
	return nil, fmt.Errorf("decoder %q is not supported; supported are Sequence, ByteLevel, BPEDecoder, WordPiece, Metaspace, ByteFallback, Fuse, Strip and Replace", c.Type)
}

func buildDecoders(c *component, left *int) (decoder, error) {
	var list struct{ Decoders []component }
	if err := c.into(&list); err != nil {
		return nil, err
	}
	var all []decoder
	for i := range list.Decoders {
		d, err := buildDecoder(&list.Decoders[i], left)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return func(t []string) []string {
		for _, d := range all {
			t = d(t)
		}
		return t
	}, nil
}

func eachToken(f func(string) string) decoder {
	return func(t []string) []string {
		for i := range t {
			t[i] = f(t[i])
		}
		return t
	}
}

func decodeByteLevel(tokens []string) []string {
	var b []byte
	for _, t := range tokens {
		start := len(b)
		for _, r := range t {
			c, ok := runeBytes[r]
			if !ok { // not of the alphabet: an added token, as it stands
				b = append(b[:start], t...)
				break
			}
			b = append(b, c)
		}
	}
	return []string{validUTF8(string(b))}
}

// byteOf reads a token that stands for a byte: <0x0A>.
func byteOf(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	c, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(c), err == nil
}

func decodeByteFallback(tokens []string) []string {
	var out []string
	var bytes []byte
	flush := func() {
		if utf8.Valid(bytes) {
			if len(bytes) > 0 {
				out = append(out, string(bytes))
			}
		} else {
			for range bytes {
				out = append(out, "\uFFFD")
			}
		}
		bytes = bytes[:0]
	}
	for _, t := range tokens {
		if c, ok := byteOf(t); ok {
			bytes = append(bytes, c)
			continue
		}
		flush()
		out = append(out, t)
	}
	flush()
	return out
}

func decodeSuffix(suffix string) decoder {
	return func(t []string) []string {
		for i := range t {
			space := " "
			if i == len(t)-1 {
				space = ""
			}
			t[i] = strings.ReplaceAll(t[i], suffix, space)
		}
		return t
	}
}

// The replacements that put punctuation back to the word before it, one after the other.
var cleanups = [][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}

func cleanupSpaces(s string) string {
	for _, c := range cleanups {
		s = strings.ReplaceAll(s, c[0], c[1])
	}
	return s
}

func decodeWordPiece(prefix string, cleanup bool) decoder {
	return func(t []string) []string {
		for i := range t {
			if i > 0 {
				if rest, ok := strings.CutPrefix(t[i], prefix); ok {
					t[i] = rest
				} else {
					t[i] = " " + t[i]
				}
			}
			if cleanup {
				t[i] = cleanupSpaces(t[i])
			}
		}
		return t
	}
}

func decodeMetaspace(m metaspace) decoder {
	return func(t []string) []string {
		for i := range t {
			space := " "
			if i == 0 && m.scheme != "never" {
				space = ""
			}
			t[i] = strings.ReplaceAll(t[i], m.replacement, space)
		}
		return t
	}
}

func buildStripDecoder(c *component) (decoder, error) {
	var f struct {
		Content     string
		Start, Stop int
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(f.Content) != 1 {
		return nil, errors.New("decoder Strip: content must be one character")
	}
	return eachToken(func(s string) string {
		for i := 0; i < f.Start && strings.HasPrefix(s, f.Content); i++ {
			s = s[len(f.Content):]
		}
		for i := 0; i < f.Stop && strings.HasSuffix(s, f.Content); i++ {
			s = s[:len(s)-len(f.Content)]
		}
		return s
	}), nil
}
