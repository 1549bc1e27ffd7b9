package index

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	opAnd, opOr, opNot, opNear, opIn = "and", "or", "not", "near", "in"
	opHas, opEqual, opUnequal        = ":", "=", "!="

	maxFilter      = 16 << 10 // bytes
	maxFilterDepth = 100      // of parentheses and "not"
)

// comparisons, the longer ones first.
var comparisons = []string{"<=", ">=", opUnequal, opHas, opEqual, "<", ">"}

// A FilterError says what is wrong with the text of a filter, and where.
type FilterError struct {
	Text    string
	Column  int // in characters, from 1
	Message string
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("filter: column %d: %s", e.Column, e.Message)
}

// ParseFilter reads a filter; see Filter for the language. Its errors are
// *FilterError. Texts over 16 KiB and more than 100 levels are refused.
func ParseFilter(text string) (*Filter, error) {
	p := &filterParser{text: text}
	if len(text) > maxFilter {
		return nil, p.errorf(0, "the filter has %d bytes, at most %d", len(text), maxFilter)
	}
	if bad := invalidUTF8(text); bad >= 0 {
		return nil, p.errorf(bad, "this is not UTF-8")
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.errorf(p.at, `expected "and", "or" or the end before %s`, p.ahead())
	}
	return &Filter{root}, nil
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}

// filterParser reads by recursive descent; at is a byte offset.
type filterParser struct {
	text  string
	at    int
	depth int
}

func (p *filterParser) errorf(at int, format string, args ...any) error {
	return &FilterError{p.text, utf8.RuneCountInString(p.text[:at]) + 1, fmt.Sprintf(format, args...)}
}

func (p *filterParser) space() {
	p.at = len(p.text) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
}

// ahead shows what comes next, for a message.
func (p *filterParser) ahead() string {
	if p.space(); p.at == len(p.text) {
		return "the end"
	}
	end := p.at + len(p.wordAhead())
	if end == p.at {
		_, n := utf8.DecodeRuneInString(p.text[p.at:])
		end += n
	}
	return strconv.Quote(p.text[p.at:end])
}

// endsWord are the characters that are in no field's name.
func endsWord(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`():,="!<>`, r) }

// endsValue are the characters that are in no value without quotes.
func endsValue(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`(),"`, r) }

// wordAhead returns the word that comes next, or "".
func (p *filterParser) wordAhead() string {
	p.space()
	rest := p.text[p.at:]
	if end := strings.IndexFunc(rest, endsWord); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// take goes past a mark if it comes next.
func (p *filterParser) take(mark string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], mark) {
		return false
	}
	p.at += len(mark)
	return true
}

// takeWord goes past a keyword if it comes next, as a word of its own.
func (p *filterParser) takeWord(word string) bool {
	w := p.wordAhead()
	if !strings.EqualFold(w, word) || p.compared(p.at+len(w)) {
		return false
	}
	p.at += len(w)
	return true
}

// compared says whether a comparison follows, so that the word before it is a
// field.
func (p *filterParser) compared(at int) bool {
	rest := strings.TrimLeftFunc(p.text[at:], unicode.IsSpace)
	return slices.ContainsFunc(comparisons, func(op string) bool { return strings.HasPrefix(rest, op) })
}

func (p *filterParser) or() (*condition, error)  { return p.joined(opOr, p.and) }
func (p *filterParser) and() (*condition, error) { return p.joined(opAnd, p.unary) }

func (p *filterParser) joined(op string, next func() (*condition, error)) (*condition, error) {
	var kids []*condition
	for {
		k, err := next()
		if err != nil {
			return nil, err
		}
		if k.op == op { // (a and b) and c
			kids = append(kids, k.kids...)
		} else {
			kids = append(kids, k)
		}
		if !p.takeWord(op) {
			break
		}
	}
	if len(kids) == 1 {
		return kids[0], nil
	}
	return &condition{op: op, kids: kids}, nil
}

func (p *filterParser) unary() (*condition, error) {
	p.space()
	start := p.at
	if p.depth++; p.depth > maxFilterDepth {
		return nil, p.errorf(start, "parentheses and \"not\" are more than %d deep", maxFilterDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.takeWord(opNot):
		k, err := p.unary()
		return &condition{op: opNot, kids: []*condition{k}}, err
	case p.take("("):
		k, err := p.or()
		if err == nil && !p.take(")") {
			err = p.errorf(p.at, `expected ")" for the "(" at column %d`, utf8.RuneCountInString(p.text[:start])+1)
		}
		return k, err
	}
	return p.comparison()
}

// comparison reads FIELD OP VALUE, FIELD in(…), near(…), or a tag.
func (p *filterParser) comparison() (*condition, error) {
	if w := p.wordAhead(); strings.EqualFold(w, opNear) && strings.HasPrefix(p.text[p.at+len(w):], "(") {
		p.at += len(w)
		return p.near()
	}
	start := p.at
	field, quoted, err := p.field()
	if err != nil {
		return nil, err
	}
	if p.in() {
		return p.list(field)
	}
	for _, op := range comparisons {
		if !p.take(op) {
			continue
		}
		if op == opHas && p.in() {
			return p.list(field)
		}
		l, err := p.value(field, op)
		return &condition{op: op, field: canonicalField(field), values: []literal{l}}, err
	}
	if !quoted && slices.Contains([]string{opAnd, opOr}, strings.ToLower(field)) {
		return nil, p.errorf(start, "expected a condition before %q", field)
	}
	if field == "" {
		return nil, p.errorf(start, "the tag is empty")
	}
	return &condition{op: opHas, field: fieldTag, values: []literal{newLiteral(fieldTag, opHas, field)}}, nil
}

// field reads what a condition begins with.
func (p *filterParser) field() (word string, quoted bool, err error) {
	if p.space(); strings.HasPrefix(p.text[p.at:], `"`) {
		word, err = p.quoted()
		return word, true, err
	}
	if word = p.wordAhead(); word == "" {
		return "", false, p.errorf(p.at, "expected a condition, such as tag:beach or year>=2020, not %s", p.ahead())
	}
	p.at += len(word)
	return word, false, nil
}

// in goes past "in(" if it comes next.
func (p *filterParser) in() bool {
	w := p.wordAhead()
	if !strings.EqualFold(w, opIn) {
		return false
	}
	before := p.at
	p.at += len(w)
	if p.take("(") {
		return true
	}
	p.at = before
	return false
}

func (p *filterParser) list(field string) (*condition, error) {
	c := &condition{op: opIn, field: canonicalField(field)}
	after := "in("
	for {
		l, err := p.value(field, after)
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, l)
		if p.take(")") {
			return c, nil
		}
		if !p.take(",") {
			return nil, p.errorf(p.at, `expected "," or ")" in the list, not %s`, p.ahead())
		}
		after = ","
	}
}

// value reads a value for a field and checks that the two go together.
func (p *filterParser) value(field, after string) (literal, error) {
	p.space()
	start := p.at
	text := p.text[p.at:]
	if strings.HasPrefix(text, `"`) {
		var err error
		if text, err = p.quoted(); err != nil {
			return literal{}, err
		}
	} else {
		if end := strings.IndexFunc(text, endsValue); end >= 0 {
			text = text[:end]
		}
		if text == "" {
			return literal{}, p.errorf(start, "expected a value after %q", after)
		}
		p.at += len(text)
	}
	l := newLiteral(canonicalField(field), after, text)
	if complaint := l.check(canonicalField(field), after); complaint != "" {
		return literal{}, p.errorf(start, "%s", complaint)
	}
	return l, nil
}

// quoted reads "…".
func (p *filterParser) quoted() (string, error) {
	start := p.at
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf(start, "the quote is never closed")
}

// near reads (LATITUDE,LONGITUDE,DISTANCE).
func (p *filterParser) near() (*condition, error) {
	const form = "write near(LATITUDE,LONGITUDE,DISTANCE), such as near(59.9,10.7,5km)"
	c := &condition{op: opNear, field: fieldGPS}
	for i, part := range []struct {
		into *float64
		mark string
		most float64
	}{{&c.place.lat, "(", 90}, {&c.place.long, ",", 180}, {&c.place.km, ",", 1e6}} {
		if !p.take(part.mark) {
			return nil, p.errorf(p.at, "expected %q, not %s; "+form, part.mark, p.ahead())
		}
		p.space()
		start := p.at
		word := p.wordAhead()
		x, ok := parseNumber(word)
		if i == 2 {
			x, ok = parseDistance(word)
			ok = ok && x >= 0
		}
		if !ok || x < -part.most || x > part.most {
			return nil, p.errorf(start, "%q is no %s; "+form, word, []string{"latitude", "longitude", "distance with its unit (m, km, mi)"}[i])
		}
		*part.into = x + 0 // no negative zero
		p.at += len(word)
	}
	if !p.take(")") {
		return nil, p.errorf(p.at, `expected ")", not %s; `+form, p.ahead())
	}
	return c, nil
}
