package text

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites a text. *head says whether the first character still comes from the very start of the input;
// a normalizer that removes it clears the flag, because Metaspace's "first" looks at it.
type normalizer interface {
	normalize(s string, head *bool) string
}

// component is one part of tokenizer.json before its fields are known.
type component struct {
	Type string `json:"type"`
	raw  json.RawMessage
}

func (c *component) UnmarshalJSON(b []byte) error {
	c.raw = append([]byte(nil), b...)
	var t struct{ Type *string }
	if err := json.Unmarshal(b, &t); err != nil {
		return err
	}
	if t.Type == nil {
		return fmt.Errorf("a component without a type: %.60s", b)
	}
	c.Type = *t.Type
	return nil
}

// into decodes the component's fields.
func (c *component) into(v any) error {
	if err := json.Unmarshal(c.raw, v); err != nil {
		return fmt.Errorf("%s: %w", c.Type, err)
	}
	return nil
}

const maxComponents = 256 // parts of a pipeline, nested ones included

func buildNormalizer(c *component, left *int) (normalizer, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("more than %d components", maxComponents)
	}
	switch c.Type {
	case "NFC":
		return normForm(norm.NFC), nil
	case "NFD":
		return normForm(norm.NFD), nil
	case "NFKC":
		return normForm(norm.NFKC), nil
	case "NFKD":
		return normForm(norm.NFKD), nil
	case "Lowercase":
		return runeMap(lowerRunes), nil
	case "StripAccents":
		return runeMap(stripMarks), nil
	case "Nmt":
		return runeMap(nmtRunes), nil
	case "ByteLevel":
		return runeMap(byteChars), nil
	case "Sequence":
		return buildNormalizers(c, left)
	case "Strip":
		var n stripNormalizer
		return n, c.into(&n)
	case "Prepend":
		var n prependNormalizer
		return n, c.into(&n)
	case "BertNormalizer", "Bert":
		var n bertNormalizer
		return n, c.into(&n)
	case "Replace":
		return buildReplace(c)
	case "Precompiled":
		return buildPrecompiled(c)
	}
	return nil, fmt.Errorf("normalizer %q is not supported; supported are Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, BertNormalizer, Nmt, Precompiled and ByteLevel", c.Type)
}

type normSequence []normalizer

func buildNormalizers(c *component, left *int) (normalizer, error) {
	var list struct{ Normalizers []component }
	if err := c.into(&list); err != nil {
		return nil, err
	}
	var seq normSequence
	for i := range list.Normalizers {
		n, err := buildNormalizer(&list.Normalizers[i], left)
		if err != nil {
			return nil, err
		}
		seq = append(seq, n)
	}
	return seq, nil
}

func (q normSequence) normalize(s string, head *bool) string {
	for _, n := range q {
		s = n.normalize(s, head)
	}
	return s
}

type normForm norm.Form

func (f normForm) normalize(s string, _ *bool) string { return normalForm(norm.Form(f), s) }

// runeMap writes each character's replacement, which may be empty, to b.
type runeMap func(b *strings.Builder, r rune)

func (f runeMap) normalize(s string, head *bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		n := b.Len()
		f(&b, r)
		if i == 0 && b.Len() == n {
			*head = false
		}
	}
	return b.String()
}

// lowerRunes lowers as Rust does: character by character, without the final sigma.
func lowerRunes(b *strings.Builder, r rune) {
	if r == 'İ' {
		b.WriteString("i̇")
		return
	}
	b.WriteRune(lowerRune(r))
}

func stripMarks(b *strings.Builder, r rune) {
	if !markSet.has(r) {
		b.WriteRune(r)
	}
}

func nmtRunes(b *strings.Builder, r rune) {
	switch {
	case r >= 1 && r <= 8, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return
	case r == 9, r == 0x0A, r == 0x0C, r == 0x0D, r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xFEFF, r == 0xFFFD:
		r = ' '
	}
	b.WriteRune(r)
}

// byteRunes is GPT-2's table from bytes to printable characters; runeBytes its inverse.
var byteRunes, runeBytes = func() (to [256]rune, from map[rune]byte) {
	from = make(map[rune]byte, 256)
	extra := rune(256)
	for i := range 256 {
		r := rune(i)
		if i < '!' || i > '~' && i < 0xA1 || i == 0xAD {
			r, extra = extra, extra+1
		}
		to[i], from[r] = r, byte(i)
	}
	return to, from
}()

func byteChars(b *strings.Builder, r rune) {
	for _, c := range []byte(string(r)) {
		b.WriteRune(byteRunes[c])
	}
}

type stripNormalizer struct {
	Left  bool `json:"strip_left"`
	Right bool `json:"strip_right"`
}

func (n stripNormalizer) normalize(s string, head *bool) string {
	if n.Left {
		t := strings.TrimLeftFunc(s, isSpace)
		*head = *head && len(t) == len(s)
		s = t
	}
	if n.Right {
		s = strings.TrimRightFunc(s, isSpace)
	}
	return s
}

type prependNormalizer struct{ Prepend string }

func (n prependNormalizer) normalize(s string, _ *bool) string {
	if s == "" {
		return s
	}
	return n.Prepend + s
}

// replacement swaps every match for content.
type replacement struct {
	literal string // not empty for a plain string
	pattern *pattern
	content string
}

// patternJSON is {"String": …} or {"Regex": …}.
type patternJSON struct{ String, Regex *string }

func buildReplace(c *component) (*replacement, error) {
	var f struct {
		Pattern patternJSON
		Content string
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	r := &replacement{content: f.Content}
	switch {
	case f.Pattern.String != nil && *f.Pattern.String != "":
		r.literal = *f.Pattern.String
	case f.Pattern.Regex != nil:
		p, err := compilePattern(*f.Pattern.Regex)
		if err != nil {
			return nil, fmt.Errorf("normalizer Replace: %w", err)
		}
		r.pattern = p
	default:
		return nil, fmt.Errorf("normalizer Replace: the pattern must be a String that is not empty or a Regex")
	}
	return r, nil
}

func (r *replacement) replace(s string) string {
	if r.pattern == nil {
		return strings.ReplaceAll(s, r.literal, r.content)
	}
	return r.pattern.replace(s, func(string) string { return r.content })
}

func (r *replacement) normalize(s string, head *bool) string {
	if *head {
		*head = !r.drops(s)
	}
	return r.replace(s)
}

// drops reports whether the start of s is replaced by something that is aligned with a later character.
func (r *replacement) drops(s string) bool {
	n := 0
	if r.pattern == nil {
		if strings.HasPrefix(s, r.literal) {
			n = len(r.literal)
		}
	} else if m := (&matcher{p: r.pattern, s: s}); s != "" {
		n = max(m.match(0, 0), 0)
	}
	_, size := decode(s, 0)
	return n > size || n > 0 && r.content == ""
}

// bertNormalizer is the cleaning of the original BERT tokenizer.
type bertNormalizer struct {
	CleanText    bool  `json:"clean_text"`
	ChineseChars bool  `json:"handle_chinese_chars"`
	StripAccents *bool `json:"strip_accents"`
	Lowercase    bool  `json:"lowercase"`
}

func (n bertNormalizer) normalize(s string, head *bool) string {
	if n.CleanText {
		s = runeMap(cleanBert).normalize(s, head)
	}
	if n.ChineseChars {
		s = runeMap(spaceChinese).normalize(s, head)
	}
	if n.StripAccents != nil && *n.StripAccents || n.StripAccents == nil && n.Lowercase {
		s = runeMap(dropNonspacing).normalize(normalForm(norm.NFD, s), head)
	}
	if n.Lowercase {
		s = runeMap(lowerRunes).normalize(s, head)
	}
	return s
}

func cleanBert(b *strings.Builder, r rune) {
	switch {
	case isSpace(r) && (!isOther(r) || r == '\t' || r == '\n' || r == '\r'):
		b.WriteByte(' ')
	case r == 0, r == 0xFFFD, isOther(r):
	default:
		b.WriteRune(r)
	}
}

func spaceChinese(b *strings.Builder, r rune) {
	if isChinese(r) {
		b.WriteByte(' ')
		b.WriteRune(r)
		b.WriteByte(' ')
		return
	}
	b.WriteRune(r)
}

func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

func dropNonspacing(b *strings.Builder, r rune) {
	if !isNonspacing(r) {
		b.WriteRune(r)
	}
}

func buildPrecompiled(c *component) (normalizer, error) {
	var f struct {
		Map string `json:"precompiled_charsmap"`
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(f.Map)
	if err != nil {
		return nil, fmt.Errorf("normalizer Precompiled: %w", err)
	}
	return newCharsMap(b)
}
