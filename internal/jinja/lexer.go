package jinja

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// kind is what a token is.
type kind int

const (
	data     kind = iota // text between tags
	begin                // {% or {{: what it is, is its text
	end                  // %} or }}
	name                 // a word
	str                  // a string, its escapes resolved
	integer              // 12, 1_000, 0x1f
	float                // 1.5, 1e3
	operator             // all that is punctuation
	eof
)

type token struct {
	kind kind
	text string
	line int
}

// is tells whether a token is a word or an operator of that text.
func (t token) is(text string) bool {
	return t.text == text && (t.kind == name || t.kind == operator)
}

// String is the token as errors show it.
func (t token) String() string {
	switch t.kind {
	case eof:
		return "the end of the template"
	case data:
		return "text"
	case str:
		return strconv.Quote(t.text)
	}
	return t.text
}

var (
	nameToken   = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)
	numberToken = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?)`)
	stringToken = regexp.MustCompile(`^('([^'\\]*(?:\\[\s\S][^'\\]*)*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)")`)
	spaces      = regexp.MustCompile(`^\s+`)
	endRaw      = regexp.MustCompile(`\{%([-+]?)\s*endraw\s*([-+]?)%\}`)
	beginRaw    = regexp.MustCompile(`^\{%[-+]?\s*raw\s*([-+]?)%\}`)
)

// operators, the longest first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";", "(", ")", "[", "]", "{", "}"}

// lexer cuts a template into tokens (jinja2's lexer.py).
type lexer struct {
	rest     string
	line     int
	lineHead bool // what was cut last ended a line
	out      []token
}

// lex cuts a whole template. It panics with an *Error.
func lex(source string) []token {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	l := &lexer{rest: strings.TrimSuffix(source, "\n"), line: 1, lineHead: true}
	for l.rest != "" {
		l.tag()
	}
	return append(l.out, token{eof, "", l.line})
}

// cut takes n bytes away.
func (l *lexer) cut(n int) string {
	s := l.rest[:n]
	l.rest = l.rest[n:]
	l.line += strings.Count(s, "\n")
	return s
}

func (l *lexer) add(k kind, text string) { l.out = append(l.out, token{k, text, l.line}) }

// tag takes the text before the next tag, and the tag.
func (l *lexer) tag() {
	at := nextTag(l.rest)
	if at < 0 {
		l.text(l.cut(len(l.rest)), 0, false)
		return
	}
	sign := byte(0)
	if len(l.rest) > at+2 {
		sign = l.rest[at+2]
	}
	opening := l.rest[at : at+2]
	l.text(l.cut(at), sign, opening != "{{")
	switch m := beginRaw.FindStringSubmatch(l.rest); {
	case m != nil:
		l.cut(len(m[0]))
		l.after(m[1], false)
		l.raw()
	case opening == "{#":
		l.comment()
	default:
		l.cut(2)
		if sign == '-' || sign == '+' {
			l.cut(1)
		}
		l.add(begin, opening)
		l.inside(opening)
	}
}

// nextTag is where the next tag begins, or -1.
func nextTag(s string) int {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '{')
		if i < 0 || at+i+1 >= len(s) {
			return -1
		}
		at += i
		if c := s[at+1]; c == '%' || c == '{' || c == '#' {
			return at
		}
	}
}

// text keeps what stands before a tag with a sign: all of it, or without the white space
// that the sign, or lstrip_blocks before a block, takes.
func (l *lexer) text(s string, sign byte, block bool) {
	switch {
	case sign == '-':
		s = strings.TrimRightFunc(s, unicode.IsSpace)
	case block && sign != '+':
		if head := strings.LastIndexByte(s, '\n') + 1; (head > 0 || l.lineHead) && strings.Trim(s[head:], " \t") == "" {
			s = s[:head]
		}
	}
	if s != "" {
		l.add(data, s)
	}
}

// after takes the white space that belongs to the end of a tag: all of it by a sign, or
// the line's end by trim_blocks after a block.
func (l *lexer) after(sign string, block bool) {
	n := 0
	switch {
	case sign == "-":
		n = len(spaces.FindString(l.rest))
	case sign == "" && block && strings.HasPrefix(l.rest, "\n"):
		n = 1
	}
	l.lineHead = strings.HasSuffix(l.cut(n), "\n")
}

func (l *lexer) comment() {
	n := strings.Index(l.rest[2:], "#}")
	if n < 0 {
		panic(fail(l.line, "a comment {# does not end"))
	}
	body := l.cut(2 + n)
	l.cut(2)
	sign := ""
	if last := body[len(body)-1]; len(body) > 2 && (last == '-' || last == '+') {
		sign = string(last)
	}
	l.after(sign, true)
}

func (l *lexer) raw() {
	m := endRaw.FindStringSubmatchIndex(l.rest)
	if m == nil {
		panic(fail(l.line, "a block raw does not end"))
	}
	signs := [2]string{l.rest[m[2]:m[3]], l.rest[m[4]:m[5]]}
	sign := byte(0)
	if signs[0] != "" {
		sign = signs[0][0]
	}
	l.text(l.cut(m[0]), sign, true)
	l.cut(m[1] - m[0])
	l.after(signs[1], true)
}

// inside takes the tokens of a tag, with its end.
func (l *lexer) inside(opening string) {
	closing := map[string]string{"{{": "}}", "{%": "%}"}[opening]
	var open []byte // brackets: within them nothing ends the tag
	for {
		l.cut(len(spaces.FindString(l.rest)))
		if l.rest == "" {
			panic(fail(l.line, "a tag %s does not end", opening))
		}
		if sign, ok := ending(l.rest, closing); ok && len(open) == 0 {
			l.cut(len(sign) + 2)
			l.add(end, closing)
			l.after(sign, opening == "{%")
			return
		}
		open = l.expression(open)
	}
}

// ending tells whether a tag ends here, and with which sign.
func ending(s, closing string) (sign string, ok bool) {
	if s[0] == '-' || s[0] == '+' {
		sign = s[:1]
	}
	if closing == "}}" && sign == "+" {
		return "", false
	}
	return sign, strings.HasPrefix(s[len(sign):], closing)
}

// expression takes one token of an expression.
func (l *lexer) expression(open []byte) []byte {
	if m := nameToken.FindString(l.rest); m != "" {
		l.add(name, l.cut(len(m)))
		return open
	}
	if m := numberToken.FindString(l.rest); m != "" {
		k := integer
		if !strings.HasPrefix(m, "0x") && !strings.HasPrefix(m, "0X") && strings.ContainsAny(m, ".eE") {
			k = float
		}
		l.add(k, strings.ReplaceAll(l.cut(len(m)), "_", ""))
		return open
	}
	if m := stringToken.FindStringSubmatch(l.rest); m != nil {
		l.add(str, l.unescape(m[2]+m[3]))
		l.cut(len(m[0]))
		return open
	}
	for _, o := range operators {
		if strings.HasPrefix(l.rest, o) {
			l.add(operator, l.cut(len(o)))
			return l.bracket(open, o)
		}
	}
	panic(fail(l.line, "unexpected %q", string([]rune(l.rest)[:1])))
}

// bracket keeps count of what is open.
func (l *lexer) bracket(open []byte, o string) []byte {
	switch o {
	case "(", "[", "{":
		return append(open, map[string]byte{"(": ')', "[": ']', "{": '}'}[o])
	case ")", "]", "}":
		if len(open) == 0 || open[len(open)-1] != o[0] {
			panic(fail(l.line, "unexpected %q", o))
		}
		return open[:len(open)-1]
	}
	return open
}

var escape = regexp.MustCompile(`\\(\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^\n])`)

var plainEscapes = map[string]string{"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", `"`: `"`, "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": ""}

// unescape resolves the escapes of a string, as Python does; others stay as they are.
func (l *lexer) unescape(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		body := e[1:]
		if p, ok := plainEscapes[body]; ok {
			return p
		}
		base, digits := 16, body[1:]
		switch {
		case body[0] >= '0' && body[0] <= '7':
			base, digits = 8, body
		case len(body) < 2:
			return e
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil || n > unicode.MaxRune {
			panic(fail(l.line, "the escape %s is no character", e))
		}
		return string(rune(n))
	})
}
