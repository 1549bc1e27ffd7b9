package text

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a compiled regular expression in the part of Oniguruma's syntax that tokenizer files use: alternation,
// classes (nested, intersected, \p{…}), greedy, lazy and possessive quantifiers, atomic groups, lookahead, lookbehind
// of one character, (?i). Back-references and the like are refused by name. It is immutable after compilation.
type pattern struct {
	inst []rxInst
}

type rxOp uint8

const (
	rxMatch  rxOp = iota
	rxSetOp       // one character of set
	rxLoop        // set{min,max}, greedy unless lazy
	rxSplit       // try x, then y
	rxJump        // to x
	rxLook        // the program at pc+1 up to its match, then x; neg
	rxAtomic      // as rxLook, but consumes
	rxBehind      // the character before is (neg: is not) in set
	rxAssert      // kind in min
)

type rxInst struct {
	op        rxOp
	neg, lazy bool
	x, y      int
	min, max  int
	set       *runeSet
}

const (
	assertBegin     = iota // \A
	assertEnd              // \z
	assertLineBegin        // ^
	assertLineEnd          // $
	assertWord             // \b
	assertNotWord          // \B
	assertEndNL            // \Z
)

const (
	maxPattern  = 1 << 16 // bytes of source
	maxProgram  = 1 << 14 // instructions
	maxNesting  = 100
	maxRepeat   = 1000
	unlimitedRx = 1<<31 - 1
)

// rxNode is one node of the parsed expression.
type rxNode struct {
	kind          rxKind
	set           *runeSet
	subs          []*rxNode
	min, max      int
	lazy, possess bool
	neg           bool
	assertion     int
}

type rxKind uint8

const (
	nodeEmpty rxKind = iota
	nodeSet
	nodeConcat
	nodeAlternate
	nodeRepeat
	nodeLook
	nodeBehind
	nodeAtomic
	nodeAssert
)

func compilePattern(src string) (*pattern, error) {
	p := &rxParser{src: src}
	if len(src) > maxPattern {
		return nil, fmt.Errorf("pattern of %d bytes is over the limit of %d", len(src), maxPattern)
	}
	n, err := p.alternation(0)
	if err == nil && p.pos < len(src) {
		err = errors.New("unmatched )")
	}
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", src, err)
	}
	c := &rxCompiler{}
	c.node(n)
	c.emit(rxInst{op: rxMatch})
	if c.tooBig {
		return nil, fmt.Errorf("pattern %q: too large when its repeats are written out", src)
	}
	return &pattern{inst: c.inst}, nil
}

// mustPattern compiles a pattern that is part of the program.
func mustPattern(src string) *pattern {
	p, err := compilePattern(src)
	if err != nil {
		panic(err)
	}
	return p
}

type rxParser struct {
	src  string
	pos  int
	fold bool
}

func (p *rxParser) more() bool         { return p.pos < len(p.src) }
func (p *rxParser) look(s string) bool { return strings.HasPrefix(p.src[p.pos:], s) }
func (p *rxParser) accept(s string) bool {
	if p.look(s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *rxParser) next() rune {
	r, n := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	return r
}

func (p *rxParser) alternation(depth int) (*rxNode, error) {
	if depth > maxNesting {
		return nil, errors.New("nested too deeply")
	}
	fold := p.fold
	defer func() { p.fold = fold }()
	alt := &rxNode{kind: nodeAlternate}
	for {
		n, err := p.concat(depth)
		if err != nil {
			return nil, err
		}
		alt.subs = append(alt.subs, n)
		if !p.accept("|") {
			break
		}
	}
	if len(alt.subs) == 1 {
		return alt.subs[0], nil
	}
	return alt, nil
}

func (p *rxParser) concat(depth int) (*rxNode, error) {
	cat := &rxNode{kind: nodeConcat}
	for p.more() && !p.look("|") && !p.look(")") {
		n, err := p.atom(depth)
		if err != nil {
			return nil, err
		}
		if n, err = p.quantified(n); err != nil {
			return nil, err
		}
		cat.subs = append(cat.subs, n)
	}
	return cat, nil
}

// quantified reads the quantifiers after an atom. In Oniguruma's Ruby syntax + after *, + or ? is possessive, but
// after {m,n} it repeats again.
func (p *rxParser) quantified(n *rxNode) (*rxNode, error) {
	for i := 0; p.more(); i++ {
		rep := &rxNode{kind: nodeRepeat, subs: []*rxNode{n}, max: unlimitedRx}
		braces := false
		switch {
		case p.accept("*"):
		case p.accept("+"):
			rep.min = 1
		case p.accept("?"):
			rep.max = 1
		case p.look("{"):
			ok, err := p.braces(rep)
			if err != nil || !ok {
				return n, err
			}
			braces = true
		default:
			return n, nil
		}
		if n.kind == nodeAssert || n.kind == nodeLook || n.kind == nodeBehind {
			return nil, errors.New("a quantifier after an assertion is not supported")
		}
		switch {
		case p.accept("?"):
			rep.lazy = true
		case !braces && p.accept("+"):
			rep.possess = true
		}
		if i > 4 {
			return nil, errors.New("too many quantifiers in a row")
		}
		n = rep
	}
	return n, nil
}

// braces reads {n}, {n,}, {,m}, {n,m}; anything else is a literal brace.
func (p *rxParser) braces(rep *rxNode) (bool, error) {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return false, nil
	}
	lo, hi, comma := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
	min, okMin := smallNumber(lo)
	max, okMax := smallNumber(hi)
	switch {
	case !comma && okMin:
		max = min
	case comma && okMin && hi == "":
		max = unlimitedRx
	case comma && okMax && lo == "":
		min = 0
	case comma && okMin && okMax:
	default:
		return false, nil
	}
	if min > max || min > maxRepeat || max != unlimitedRx && max > maxRepeat {
		return false, fmt.Errorf("repeat {%s} is out of range (0 to %d)", p.src[p.pos+1:p.pos+end], maxRepeat)
	}
	rep.min, rep.max = min, max
	p.pos += end + 1
	return true, nil
}

func smallNumber(s string) (int, bool) {
	if s == "" || len(s) > 6 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func (p *rxParser) atom(depth int) (*rxNode, error) {
	switch {
	case p.accept("("):
		return p.group(depth)
	case p.accept("["):
		ranges, err := p.class(depth)
		if err != nil {
			return nil, err
		}
		return p.setNode(ranges), nil
	case p.accept("."):
		return &rxNode{kind: nodeSet, set: newRuneSet(complement([]rune{'\n', '\n'}))}, nil
	case p.accept("^"):
		return &rxNode{kind: nodeAssert, assertion: assertLineBegin}, nil
	case p.accept("$"):
		return &rxNode{kind: nodeAssert, assertion: assertLineEnd}, nil
	case p.accept(`\`):
		return p.escape()
	case p.look("*"), p.look("+"), p.look("?"):
		return nil, errors.New("a quantifier without a target")
	}
	r := p.next()
	return p.setNode([]rune{r, r}), nil
}

func (p *rxParser) setNode(ranges []rune) *rxNode {
	if p.fold {
		ranges = foldRanges(ranges)
	}
	return &rxNode{kind: nodeSet, set: newRuneSet(ranges)}
}

var groupOpenings = []struct {
	text string
	kind rxKind
	neg  bool
}{
	{"?:", nodeConcat, false}, {"?=", nodeLook, false}, {"?!", nodeLook, true}, {"?>", nodeAtomic, false},
	{"?<=", nodeBehind, false}, {"?<!", nodeBehind, true},
}

func (p *rxParser) group(depth int) (*rxNode, error) {
	for _, g := range groupOpenings {
		if p.accept(g.text) {
			return p.closeGroup(depth, g.kind, g.neg)
		}
	}
	switch {
	case p.accept("?#"):
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			return nil, errors.New("unclosed comment")
		}
		p.pos += end + 1
		return &rxNode{kind: nodeEmpty}, nil
	case p.look("?<"), p.look("?P<"):
		end := strings.IndexByte(p.src[p.pos:], '>')
		if end < 0 {
			return nil, errors.New("unclosed group name")
		}
		p.pos += end + 1
	case p.accept("?"):
		return p.options(depth)
	}
	return p.closeGroup(depth, nodeConcat, false)
}

// options reads (?i), (?-i), (?i:…). Other letters change what the pattern means and are refused.
func (p *rxParser) options(depth int) (*rxNode, error) {
	old, on := p.fold, true
	for p.more() {
		switch c := p.next(); c {
		case 'i':
			p.fold = on
		case '-':
			on = false
		case ')':
			n, err := p.alternation(depth + 1) // the rest of the enclosing group
			p.fold = old
			return n, err
		case ':':
			n, err := p.closeGroup(depth, nodeConcat, false)
			p.fold = old
			return n, err
		default:
			return nil, fmt.Errorf("group option %q is not supported", c)
		}
	}
	return nil, errors.New("unclosed group")
}

func (p *rxParser) closeGroup(depth int, kind rxKind, neg bool) (*rxNode, error) {
	body, err := p.alternation(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, errors.New("unclosed group")
	}
	if kind == nodeConcat {
		return body, nil
	}
	if kind == nodeBehind {
		for body.kind == nodeConcat && len(body.subs) == 1 {
			body = body.subs[0]
		}
		if body.kind != nodeSet {
			return nil, errors.New("lookbehind of anything but one character is not supported")
		}
		return &rxNode{kind: nodeBehind, neg: neg, set: body.set}, nil
	}
	return &rxNode{kind: kind, neg: neg, subs: []*rxNode{body}}, nil
}

var assertEscapes = map[rune]int{'A': assertBegin, 'z': assertEnd, 'Z': assertEndNL, 'b': assertWord, 'B': assertNotWord}

func (p *rxParser) escape() (*rxNode, error) {
	if !p.more() {
		return nil, errors.New("ends with a backslash")
	}
	c, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	if a, ok := assertEscapes[c]; ok {
		p.pos++
		return &rxNode{kind: nodeAssert, assertion: a}, nil
	}
	if c == 'R' {
		p.pos++
		return lineBreakNode(), nil
	}
	ranges, err := p.escapedSet()
	if err != nil {
		return nil, err
	}
	return p.setNode(ranges), nil
}

// lineBreakNode is \R: (?>\r\n|[\n-\r\x85\x{2028}\x{2029}]).
func lineBreakNode() *rxNode {
	one := func(r ...rune) *rxNode { return &rxNode{kind: nodeSet, set: newRuneSet(r)} }
	crlf := &rxNode{kind: nodeConcat, subs: []*rxNode{one('\r', '\r'), one('\n', '\n')}}
	alt := &rxNode{kind: nodeAlternate, subs: []*rxNode{crlf, one('\n', '\r', 0x85, 0x85, 0x2028, 0x2029)}}
	return &rxNode{kind: nodeAtomic, subs: []*rxNode{alt}}
}

var setEscapes = map[rune]string{'d': "digit", 'w': "word", 's': "space", 'h': "xdigit"}

var charEscapes = map[rune]rune{'n': '\n', 't': '\t', 'r': '\r', 'f': '\f', 'v': '\v', 'a': 7, 'e': 27}

// escapedSet reads what follows a backslash, inside or outside a class, as merged ranges.
func (p *rxParser) escapedSet() ([]rune, error) {
	if !p.more() {
		return nil, errors.New("ends with a backslash")
	}
	c := p.next()
	if name, ok := setEscapes[unicode.ToLower(c)]; ok {
		r, _ := namedRanges(name)
		if unicode.IsUpper(c) {
			r = complement(r)
		}
		return r, nil
	}
	if r, ok := charEscapes[c]; ok {
		return []rune{r, r}, nil
	}
	switch {
	case c == 'p' || c == 'P':
		return p.property(c == 'P')
	case c == 'x' || c == 'u':
		r, err := p.hex(c)
		return []rune{r, r}, err
	case c == '0':
		return []rune{0, 0}, nil
	case c >= '1' && c <= '9', c == 'k', c == 'g':
		return nil, errors.New("back-references are not supported")
	case c < 128 && (unicode.IsLetter(c)):
		return nil, fmt.Errorf(`escape \%c is not supported`, c)
	}
	return []rune{c, c}, nil
}

func (p *rxParser) property(neg bool) ([]rune, error) {
	name := ""
	if p.accept("{") {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			return nil, errors.New(`unclosed \p{`)
		}
		name = p.src[p.pos : p.pos+end]
		p.pos += end + 1
	} else if p.more() {
		name = string(p.next())
	}
	if strings.HasPrefix(name, "^") {
		name, neg = name[1:], !neg
	}
	r, err := propertyRanges(name)
	if err == nil && neg {
		r = complement(r)
	}
	return r, err
}

// hex reads \xHH, \x{H…} and \uHHHH.
func (p *rxParser) hex(kind rune) (rune, error) {
	digits, width := "", 2
	if kind == 'u' {
		width = 4
	}
	if kind == 'x' && p.accept("{") {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			return 0, errors.New(`unclosed \x{`)
		}
		digits = p.src[p.pos : p.pos+end]
		p.pos += end + 1
	} else {
		digits = p.src[p.pos:min(p.pos+width, len(p.src))]
		p.pos += len(digits)
	}
	var v rune
	for _, d := range digits {
		n := strings.IndexRune("0123456789abcdef", unicode.ToLower(d))
		if v = v*16 + rune(n); n < 0 || v > unicode.MaxRune {
			return 0, fmt.Errorf("bad code point %q", digits)
		}
	}
	if digits == "" {
		return 0, errors.New("missing hexadecimal digits")
	}
	return v, nil
}
