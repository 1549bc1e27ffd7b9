package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// piece is a stretch of the text on its way to the model, or an added token that is already settled (id >= 0).
type piece struct {
	text string
	id   int32
	head bool // starts at the very start of the input
}

const notToken = int32(-1)

// preTokenizer splits pieces; pieces that are tokens pass through.
type preTokenizer interface {
	split(p piece, out []piece) []piece
}

func preTokenize(t preTokenizer, in []piece) []piece {
	out := make([]piece, 0, len(in)+8)
	for _, p := range in {
		if p.id != notToken {
			out = append(out, p)
		} else if p.text != "" {
			out = t.split(p, out)
		}
	}
	return out
}

func buildPreTokenizer(c *component, left *int) (preTokenizer, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("more than %d components", maxComponents)
	}
	switch c.Type {
	case "Sequence":
		return buildPreSequence(c, left)
	case "ByteLevel":
		t := byteLevelSplit{UseRegex: true}
		return t, c.into(&t)
	case "Whitespace":
		return spanSplit{find: wordSpans, behavior: "Removed"}, nil
	case "WhitespaceSplit":
		return charSplit(isSpace, "Removed"), nil
	case "BertPreTokenizer":
		return preSequence{charSplit(isSpace, "Removed"), charSplit(isPunct, "Isolated")}, nil
	case "Metaspace":
		return buildMetaspace(c)
	case "Split":
		return buildSplit(c)
	case "Punctuation":
		f := struct{ Behavior string }{"Isolated"}
		if err := c.into(&f); err != nil {
			return nil, err
		}
		return charSplit(isPunct, f.Behavior), checkBehavior(f.Behavior)
	case "Digits":
		var f struct {
			Individual bool `json:"individual_digits"`
		}
		behavior := "Contiguous"
		err := c.into(&f)
		if f.Individual {
			behavior = "Isolated"
		}
		return charSplit(isNumeric, behavior), err
	case "CharDelimiterSplit", "Delimiter":
		return buildDelimiter(c)
	}
	return nil, fmt.Errorf("pre_tokenizer %q is not supported; supported are Sequence, ByteLevel, Whitespace, WhitespaceSplit, BertPreTokenizer, Metaspace, Split, Punctuation, Digits and CharDelimiterSplit", c.Type)
}

type preSequence []preTokenizer

func buildPreSequence(c *component, left *int) (preTokenizer, error) {
	var list struct{ Pretokenizers []component }
	if err := c.into(&list); err != nil {
		return nil, err
	}
	var seq preSequence
	for i := range list.Pretokenizers {
		t, err := buildPreTokenizer(&list.Pretokenizers[i], left)
		if err != nil {
			return nil, err
		}
		seq = append(seq, t)
	}
	return seq, nil
}

func (q preSequence) split(p piece, out []piece) []piece {
	in := []piece{p}
	for _, t := range q {
		in = preTokenize(t, in)
	}
	return append(out, in...)
}

var gpt2Split = mustPattern(`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`)

// wordSpans marks white space between runs of word characters and runs of others: \w+|[^\w\s]+ in Rust's meaning.
func wordSpans(s string, out []span) []span {
	kind := func(r rune) int {
		switch {
		case rustWord.has(r):
			return 1
		case isSpace(r):
			return 2
		}
		return 3
	}
	start, last := 0, 0
	for i, r := range s {
		k := kind(r)
		if k != last && i > 0 {
			out = append(out, span{start, i, last == 2})
			start = i
		}
		last = k
	}
	if s != "" {
		out = append(out, span{start, len(s), last == 2})
	}
	return out
}

// byteLevelSplit is GPT-2's: words with their leading space, written in the byte alphabet.
type byteLevelSplit struct {
	AddPrefixSpace bool `json:"add_prefix_space"`
	UseRegex       bool `json:"use_regex"`
}

func (t byteLevelSplit) split(p piece, out []piece) []piece {
	if t.AddPrefixSpace && !strings.HasPrefix(p.text, " ") {
		p.text = " " + p.text
	}
	start := len(out)
	if t.UseRegex {
		out = spanSplit{find: gpt2Split.spans, behavior: "Isolated"}.split(p, out)
	} else {
		out = append(out, p)
	}
	for i := start; i < len(out); i++ {
		out[i].text = byteLevel(out[i].text)
	}
	return out
}

// byteLevel writes the bytes of s in GPT-2's alphabet.
func byteLevel(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] > ' ' && s[i] < 0x7F
	}
	if plain {
		return s
	}
	b := make([]byte, 0, len(s)+len(s)/2)
	for i := 0; i < len(s); i++ {
		b = utf8.AppendRune(b, byteRunes[s[i]])
	}
	return string(b)
}

// spanSplit splits at what find marks, by one of the five behaviours.
type spanSplit struct {
	find     func(s string, out []span) []span
	behavior string
	invert   bool
}

func checkBehavior(b string) error {
	switch b {
	case "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous":
		return nil
	}
	return fmt.Errorf("split behavior %q is not known", b)
}

func buildSplit(c *component) (preTokenizer, error) {
	var f struct {
		Pattern  patternJSON
		Behavior string
		Invert   bool
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	if err := checkBehavior(f.Behavior); err != nil {
		return nil, fmt.Errorf("pre_tokenizer Split: %w", err)
	}
	t := spanSplit{behavior: f.Behavior, invert: f.Invert}
	switch {
	case f.Pattern.String != nil && *f.Pattern.String != "":
		t.find = literalSpans(*f.Pattern.String)
	case f.Pattern.Regex != nil:
		p, err := compilePattern(*f.Pattern.Regex)
		if err != nil {
			return nil, fmt.Errorf("pre_tokenizer Split: %w", err)
		}
		t.find = p.spans
	default:
		return nil, fmt.Errorf("pre_tokenizer Split: the pattern must be a String that is not empty or a Regex")
	}
	return t, nil
}

func buildDelimiter(c *component) (preTokenizer, error) {
	var f struct{ Delimiter string }
	if err := c.into(&f); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(f.Delimiter) != 1 {
		return nil, fmt.Errorf("pre_tokenizer CharDelimiterSplit: delimiter %q is not one character", f.Delimiter)
	}
	return spanSplit{find: literalSpans(f.Delimiter), behavior: "Removed"}, nil
}

func literalSpans(delim string) func(string, []span) []span {
	return func(s string, out []span) []span {
		prev := 0
		for {
			i := strings.Index(s[prev:], delim)
			if i < 0 {
				break
			}
			if i > 0 {
				out = append(out, span{prev, prev + i, false})
			}
			out = append(out, span{prev + i, prev + i + len(delim), true})
			prev += i + len(delim)
		}
		if prev < len(s) {
			out = append(out, span{prev, len(s), false})
		}
		return out
	}
}

// charSplit marks every character that is of a kind.
func charSplit(is func(rune) bool, behavior string) preTokenizer {
	find := func(s string, out []span) []span {
		prev := 0
		for i, r := range s {
			if !is(r) {
				continue
			}
			if prev < i {
				out = append(out, span{prev, i, false})
			}
			_, n := decode(s, i)
			out = append(out, span{i, i + n, true})
			prev = i + n
		}
		if prev < len(s) {
			out = append(out, span{prev, len(s), false})
		}
		return out
	}
	return spanSplit{find: find, behavior: behavior}
}

func (t spanSplit) split(p piece, out []piece) []piece {
	spans := t.find(p.text, make([]span, 0, 16))
	if t.invert {
		for i := range spans {
			spans[i].match = !spans[i].match
		}
	}
	for _, sp := range mergeSpans(spans, t.behavior) {
		if sp.start < sp.end && !(sp.match && t.behavior == "Removed") {
			out = append(out, piece{p.text[sp.start:sp.end], notToken, p.head && sp.start == 0})
		}
	}
	return out
}

// mergeSpans joins neighbours as the behaviour asks.
func mergeSpans(spans []span, behavior string) []span {
	switch behavior {
	case "Contiguous", "MergedWithPrevious":
		var acc []span
		previous := false
		for _, sp := range spans {
			join := sp.match && !previous
			if behavior == "Contiguous" {
				join = sp.match == previous
			}
			if join && len(acc) > 0 {
				acc[len(acc)-1].end = sp.end
			} else {
				acc = append(acc, sp)
			}
			previous = sp.match
		}
		return acc
	case "MergedWithNext":
		acc := make([]span, len(spans))
		at, previous := len(spans), false
		for i := len(spans) - 1; i >= 0; i-- {
			if sp := spans[i]; sp.match && !previous && at < len(acc) {
				acc[at].start = sp.start
			} else {
				at--
				acc[at] = sp
			}
			previous = spans[i].match
		}
		return acc[at:]
	}
	return spans
}

// metaspace writes spaces as a visible character and may put one in front.
type metaspace struct {
	replacement string
	scheme      string // always, first, never
	splits      bool
}

func buildMetaspace(c *component) (metaspace, error) {
	var f struct {
		Replacement    string
		AddPrefixSpace *bool   `json:"add_prefix_space"`
		PrependScheme  *string `json:"prepend_scheme"`
		Split          *bool
	}
	if err := c.into(&f); err != nil {
		return metaspace{}, err
	}
	m := metaspace{replacement: f.Replacement, scheme: "always", splits: f.Split == nil || *f.Split}
	if f.PrependScheme != nil {
		m.scheme = *f.PrependScheme
	}
	switch {
	case utf8.RuneCountInString(m.replacement) != 1:
		return m, fmt.Errorf("component Metaspace: replacement %q is not one character", m.replacement)
	case m.scheme != "always" && m.scheme != "first" && m.scheme != "never":
		return m, fmt.Errorf("component Metaspace: prepend_scheme %q is not known", m.scheme)
	case f.AddPrefixSpace != nil && !*f.AddPrefixSpace && m.scheme != "never":
		return m, fmt.Errorf("component Metaspace: add_prefix_space does not match prepend_scheme %q", m.scheme)
	}
	return m, nil
}

func (m metaspace) split(p piece, out []piece) []piece {
	p.text = strings.ReplaceAll(p.text, " ", m.replacement)
	if (m.scheme == "always" || m.scheme == "first" && p.head) && !strings.HasPrefix(p.text, m.replacement) {
		p.text = m.replacement + p.text
	}
	if !m.splits {
		return append(out, p)
	}
	return spanSplit{find: literalSpans(m.replacement), behavior: "MergedWithNext"}.split(p, out)
}
