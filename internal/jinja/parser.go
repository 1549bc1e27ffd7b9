package jinja

import (
	"slices"
)

// deepest is how deep expressions and statements may lie in each other.
const deepest = 200

// parser makes statements of tokens (jinja2's parser.py).
type parser struct {
	tokens []token
	at     int
	depth  int
}

// Template is a text with tags, ready to be rendered. It is immutable.
type Template struct {
	body []statement
}

// Parse reads a template. The error is an [*Error] with the line.
func Parse(source string) (t *Template, err error) {
	defer rescue(&err)
	p := &parser{tokens: lex(source)}
	body, _ := p.body()
	return &Template{body}, nil
}

func (p *parser) now() token { return p.tokens[p.at] }

// next takes a token.
func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != eof {
		p.at++
	}
	return t
}

// skip takes a token if it is the word or operator text.
func (p *parser) skip(text string) bool {
	if p.now().is(text) {
		p.at++
		return true
	}
	return false
}

// expect takes a token that has to be text.
func (p *parser) expect(text string) {
	if !p.skip(text) {
		panic(fail(p.now().line, "expected %q, found %s", text, p.now()))
	}
}

// word takes a name.
func (p *parser) word() string {
	t := p.next()
	if t.kind != name {
		panic(fail(t.line, "expected a name, found %s", t))
	}
	return t.text
}

// deeper counts what lies in what; the result takes it back.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > deepest {
		panic(fail(p.now().line, "more than %d levels deep", deepest))
	}
	return func() { p.depth-- }
}

// body reads statements up to a tag that begins with one of the words, or to the end of
// the template; it tells which word that was, and takes it.
func (p *parser) body(until ...string) (out []statement, found string) {
	defer p.deeper()()
	for {
		switch t := p.next(); {
		case t.kind == eof:
			if len(until) > 0 {
				panic(fail(t.line, "the template ends before %q", until[len(until)-1]))
			}
			return out, ""
		case t.kind == data:
			out = append(out, output{text: t.text})
		case t.text == "{{":
			out = append(out, output{value: p.tuple(false, true), line: t.line})
			p.close()
		default:
			if word := p.now().text; p.now().kind == name && slices.Contains(until, word) {
				p.next()
				return out, word
			}
			if s := p.statement(); s != nil {
				out = append(out, s)
			}
		}
	}
}

// close takes the end of a tag.
func (p *parser) close() {
	if t := p.next(); t.kind != end {
		panic(fail(t.line, "expected the end of the tag, found %s", t))
	}
}

// block reads the rest of a tag and what follows up to a tag of that word.
func (p *parser) block(until string) []statement {
	p.close()
	body, _ := p.body(until)
	p.close()
	return body
}

func (p *parser) statement() statement {
	t := p.next()
	switch t.text {
	case "if":
		return p.parseIf()
	case "for":
		return p.parseFor(t.line)
	case "set":
		return p.parseSet(t.line)
	case "macro":
		m := macro{name: p.word(), line: t.line}
		m.params = p.params()
		m.body = p.block("endmacro")
		return m
	case "call":
		m := macro{name: "caller", line: t.line}
		if p.now().is("(") {
			m.params = p.params()
		}
		c, ok := p.unary(true).(call)
		if !ok {
			panic(fail(t.line, "a block call needs a call"))
		}
		m.body = p.block("endcall")
		return callBlock{c, m}
	case "filter":
		f := p.filters(nil)
		return capture{filter: f, body: p.block("endfilter"), line: t.line}
	case "with":
		w := with{}
		for p.now().kind != end {
			w.names = append(w.names, p.word())
			p.expect("=")
			w.values = append(w.values, p.expression())
			p.skip(",")
		}
		w.body = p.block("endwith")
		return w
	case "generation":
		return with{body: p.block("endgeneration")} // transformers marks what the model said; here it is plain text
	case "break", "continue":
		p.close()
		return jump{t.text, t.line}
	}
	panic(fail(t.line, "the tag %q is not supported", t.text))
}

func (p *parser) parseIf() statement {
	s := branch{test: p.expression()}
	p.close()
	var word string
	s.then, word = p.body("elif", "else", "endif")
	switch word {
	case "elif":
		defer p.deeper()()
		s.otherwise = []statement{p.parseIf()}
		return s
	case "else":
		p.close()
		s.otherwise, _ = p.body("endif")
	}
	p.close()
	return s
}

func (p *parser) parseFor(line int) statement {
	s := loop{target: p.target(), line: line}
	p.expect("in")
	s.over = p.tuple(false, false)
	if p.skip("if") {
		s.where = p.expression()
	}
	s.recursive = p.skip("recursive")
	p.close()
	var word string
	if s.body, word = p.body("else", "endfor"); word == "else" {
		p.close()
		s.otherwise, _ = p.body("endfor")
	}
	p.close()
	return s
}

// parseSet reads {% set a, b = … %}, {% set n.a = … %} and {% set a %}…{% endset %}.
func (p *parser) parseSet(line int) statement {
	t := p.target()
	if p.skip("=") {
		s := set{t, p.tuple(false, true), line}
		p.close()
		return s
	}
	var f expression
	if p.now().is("|") {
		f = p.filters(nil)
	}
	return capture{target: &t, filter: f, body: p.block("endset"), line: line}
}

// target is what values are given to: names, or one attribute of a namespace.
type target struct {
	names []string
	attr  string // of names[0]
	one   bool   // names[0] alone, the value is not taken apart
}

func (p *parser) target() target {
	first := p.word()
	if p.skip(".") {
		return target{names: []string{first}, attr: p.word(), one: true}
	}
	t := target{names: []string{first}, one: true}
	for p.skip(",") {
		t.one = false
		if p.now().kind != name || p.now().is("in") {
			break
		}
		t.names = append(t.names, p.word())
	}
	return t
}

// params are those of a macro, with their defaults.
func (p *parser) params() (out []param) {
	p.expect("(")
	for !p.skip(")") {
		if len(out) > 0 {
			p.expect(",")
		}
		a := param{name: p.word()}
		if p.skip("=") {
			a.def = p.expression()
		}
		out = append(out, a)
	}
	return out
}
