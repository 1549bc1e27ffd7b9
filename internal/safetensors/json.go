package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks JSON without building it. It exists because encoding/json keeps
// the last of two equal keys and repairs broken strings in silence; here both
// are errors. The input must be valid UTF-8.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// next reports and consumes c, after white space.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) want(c byte) error {
	if s.next(c) {
		return nil
	}
	if s.i >= len(s.b) {
		return fmt.Errorf("the JSON ends where %q should be", c)
	}
	return fmt.Errorf("byte %d of the JSON is %q, not %q", s.i, s.b[s.i], c)
}

// end requires that nothing but white space is left.
func (s *scanner) end() error {
	s.space()
	if s.i < len(s.b) {
		return fmt.Errorf("byte %d of the JSON is %q, after its end", s.i, s.b[s.i])
	}
	return nil
}

// object calls field with each key, in order; field consumes the value. Two
// equal keys are an error.
func (s *scanner) object(field func(key string) error) error {
	seen := map[string]struct{}{}
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if _, ok := seen[key]; ok {
			return fmt.Errorf("the key %s occurs twice", quoted(key))
		}
		seen[key] = struct{}{}
		if err := s.want(':'); err != nil {
			return err
		}
		return field(key)
	})
}

// list reads items between two brackets, separated by commas.
func (s *scanner) list(left, right byte, item func() error) error {
	if err := s.want(left); err != nil {
		return err
	}
	if s.next(right) {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.next(',') {
			continue
		}
		return s.want(right)
	}
}

// uint reads a whole number without sign, fraction, exponent or leading zero.
func (s *scanner) uint() (uint64, error) {
	s.space()
	j := s.i
	for j < len(s.b) && s.b[j] >= '0' && s.b[j] <= '9' {
		j++
	}
	text := string(s.b[s.i:min(j, s.i+24)])
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || len(text) > 1 && text[0] == '0' {
		return 0, fmt.Errorf("byte %d of the JSON does not start a whole number below 2^64", s.i)
	}
	s.i = j
	return n, nil
}

// skip consumes one value of any kind.
func (s *scanner) skip() error {
	d := json.NewDecoder(bytes.NewReader(s.b[s.i:]))
	var v json.RawMessage
	if err := d.Decode(&v); err != nil {
		return err
	}
	s.i += int(d.InputOffset())
	return nil
}

// str reads a string.
func (s *scanner) str() (string, error) {
	if err := s.want('"'); err != nil {
		return "", err
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return string(s.b[start : s.i-1]), nil
		case c == '\\':
			return s.escaped(bytes.Clone(s.b[start:s.i]))
		case c < ' ':
			return "", fmt.Errorf("byte %d of the JSON is a control character inside a string", s.i)
		}
		s.i++
	}
	return "", errors.New("the JSON ends inside a string")
}

// escaped reads on after out, from the first backslash of a string.
func (s *scanner) escaped(out []byte) (string, error) {
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", fmt.Errorf("byte %d of the JSON is a control character inside a string", s.i-1)
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return "", errors.New("the JSON ends inside a string")
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what follows a backslash. Half a surrogate pair is an error, as
// in the reference.
func (s *scanner) escape() (rune, error) {
	if s.i < len(s.b) {
		if r, ok := escapes[s.b[s.i]]; ok {
			s.i++
			return r, nil
		}
	}
	r, ok := s.unit()
	if ok && utf16.IsSurrogate(r) {
		if ok = s.i < len(s.b) && s.b[s.i] == '\\'; ok {
			s.i++
			var low rune
			if low, ok = s.unit(); ok {
				r = utf16.DecodeRune(r, low)
				ok = r != utf8.RuneError
			}
		}
	}
	if !ok {
		return 0, fmt.Errorf("bad escape in a string before byte %d of the JSON", s.i)
	}
	return r, nil
}

// unit reads uXXXX.
func (s *scanner) unit() (rune, bool) {
	if len(s.b)-s.i < 5 || s.b[s.i] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.b[s.i+1:s.i+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	s.i += 5
	return rune(n), true
}

// quoted is %q of a foreign string, cut to a readable length.
func quoted(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%q… (%d bytes)", s[:100], len(s))
	}
	return strconv.Quote(s)
}
