package jinja

import (
	"strconv"
	"strings"
)

// expression reads a or b, a if b else c.
func (p *parser) expression() expression {
	defer p.deeper()()
	e := p.or()
	for p.skip("if") {
		c := choice{test: p.or(), then: e}
		if p.skip("else") {
			c.otherwise = p.expression()
		}
		e = c
	}
	return e
}

// tuple reads expressions with commas between them; one without a comma is itself.
// Between brackets it may be empty.
func (p *parser) tuple(inBrackets, conditions bool) expression {
	one := p.expression
	if !conditions {
		one = p.or
	}
	var items []expression
	comma := false
	for {
		if t := p.now(); t.kind == end || t.is(")") || t.is("in") || t.is("recursive") {
			break
		}
		items = append(items, one())
		if !p.skip(",") {
			break
		}
		comma = true
	}
	switch {
	case len(items) == 1 && !comma:
		return items[0]
	case len(items) == 0 && !inBrackets:
		panic(fail(p.now().line, "expected an expression, found %s", p.now()))
	}
	return list{items, true}
}

func (p *parser) or() expression {
	e := p.and()
	for p.skip("or") {
		e = logic{e, p.and(), true}
	}
	return e
}

func (p *parser) and() expression {
	e := p.not()
	for p.skip("and") {
		e = logic{e, p.not(), false}
	}
	return e
}

func (p *parser) not() expression {
	defer p.deeper()()
	if p.skip("not") {
		return negation{p.not()}
	}
	return p.comparison()
}

// comparison reads a < b < c, which is a < b and b < c.
func (p *parser) comparison() expression {
	c := comparison{first: p.sum(), line: p.now().line}
	for {
		t := p.now()
		switch {
		case t.is("==") || t.is("!=") || t.is("<") || t.is(">") || t.is("<=") || t.is(">=") || t.is("in"):
			p.next()
			c.ops = append(c.ops, t.text)
		case t.is("not") && p.tokens[p.at+1].is("in"):
			p.at += 2
			c.ops = append(c.ops, "not in")
		default:
			if len(c.ops) == 0 {
				return c.first
			}
			return c
		}
		c.rest = append(c.rest, p.sum())
	}
}

// level reads operators of one level, from the left.
func (p *parser) level(ops string, operand func() expression) expression {
	e := operand()
	for {
		t := p.now()
		if t.kind != operator || !strings.Contains(ops, " "+t.text+" ") {
			return e
		}
		p.next()
		e = arithmetic{t.text, e, operand(), t.line}
	}
}

func (p *parser) sum() expression     { return p.level(" + - ", p.concat) }
func (p *parser) concat() expression  { return p.level(" ~ ", p.product) }
func (p *parser) product() expression { return p.level(" * / // % ", p.power) }
func (p *parser) power() expression {
	return p.level(" ** ", func() expression { return p.unary(true) })
}

// unary reads a sign, or a primary with what follows it: .a [b] (c) |filter is test.
func (p *parser) unary(withFilters bool) expression {
	defer p.deeper()()
	var e expression
	switch t := p.now(); {
	case t.is("-") || t.is("+"):
		p.next()
		e = sign{t.text == "-", p.unary(false), t.line}
	default:
		e = p.postfix(p.primary())
	}
	if withFilters {
		e = p.filtered(e)
	}
	return e
}

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() expression {
	t := p.next()
	switch t.kind {
	case name:
		if v, ok := constants[t.text]; ok {
			return constant{v}
		}
		return variable{t.text}
	case str:
		s := t.text
		for p.now().kind == str {
			s += p.next().text
		}
		return constant{s}
	case integer:
		n, err := strconv.ParseInt(t.text, 0, 64)
		if d := strings.TrimLeft(t.text, "0"); err != nil && d == "" {
			n, err = 0, nil
		}
		if err != nil {
			panic(fail(t.line, "the number %s has more than 64 bits", t.text))
		}
		return constant{n}
	case float:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			panic(fail(t.line, "the number %s cannot be read", t.text))
		}
		return constant{f}
	}
	switch {
	case t.is("("):
		e := p.tuple(true, true)
		p.expect(")")
		return e
	case t.is("["):
		return list{p.items("]"), false}
	case t.is("{"):
		return p.dict()
	}
	panic(fail(t.line, "unexpected %s", t))
}

// items reads expressions up to a bracket.
func (p *parser) items(closing string) (out []expression) {
	for !p.skip(closing) {
		if len(out) > 0 {
			p.expect(",")
			if p.skip(closing) {
				break
			}
		}
		out = append(out, p.expression())
	}
	return out
}

func (p *parser) dict() expression {
	var d dict
	for !p.skip("}") {
		if len(d.keys) > 0 {
			p.expect(",")
			if p.skip("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expect(":")
		d.values = append(d.values, p.expression())
	}
	return d
}

func (p *parser) postfix(e expression) expression {
	for n := 0; ; n++ {
		line := p.now().line
		if n > deepest {
			panic(fail(line, "more than %d levels deep", deepest))
		}
		switch {
		case p.skip("."):
			t := p.next()
			switch t.kind {
			case name:
				e = attribute{e, t.text, line}
			case integer:
				i, _ := strconv.ParseInt(t.text, 10, 64)
				e = item{e, constant{i}, line}
			default:
				panic(fail(line, "expected a name after the dot, found %s", t))
			}
		case p.skip("["):
			e = item{e, p.subscript(), line}
			p.expect("]")
		case p.skip("("):
			args, named := p.arguments()
			e = call{e, args, named, line}
		default:
			return e
		}
	}
}

// subscript reads what stands in brackets behind a value: a key, or a slice.
func (p *parser) subscript() expression {
	var parts [3]expression
	at := 0
	for !p.now().is("]") {
		if p.skip(":") {
			if at++; at == 3 {
				panic(fail(p.now().line, "a slice has at most two colons"))
			}
			continue
		}
		if parts[at] != nil {
			panic(fail(p.now().line, "unexpected %s in brackets", p.now()))
		}
		parts[at] = p.expression()
	}
	switch {
	case at > 0:
		return slice{parts}
	case parts[0] == nil:
		panic(fail(p.now().line, "nothing in brackets"))
	}
	return parts[0]
}

// arguments reads those of a call, its bracket being open.
func (p *parser) arguments() (args []expression, named []argument) {
	for n := 0; !p.skip(")"); n++ {
		if n > 0 {
			p.expect(",")
			if p.skip(")") {
				break
			}
		}
		if p.now().kind == name && p.tokens[p.at+1].is("=") {
			a := argument{name: p.word()}
			p.next()
			a.value = p.expression()
			named = append(named, a)
			continue
		}
		if len(named) > 0 {
			panic(fail(p.now().line, "an argument without a name comes after one with a name"))
		}
		args = append(args, p.expression())
	}
	return args, named
}

// filtered reads filters, tests and calls behind a value.
func (p *parser) filtered(e expression) expression {
	for n := 0; n <= deepest; n++ {
		line := p.now().line
		switch {
		case p.now().is("|"):
			e = p.filters(e)
		case p.skip("is"):
			e = p.test(e, line)
		case p.skip("("):
			args, named := p.arguments()
			e = call{e, args, named, line}
		default:
			return e
		}
	}
	panic(fail(p.now().line, "more than %d levels deep", deepest))
}

// filters reads |a|b(c). Without e they are those of a block, and the first may have no
// bar before it.
func (p *parser) filters(e expression) expression {
	first := e == nil
	if first {
		e = captured{}
	}
	for ; p.skip("|") || first; first = false {
		t := p.now()
		f := filter{name: p.dotted(), on: e, line: t.line}
		var ok bool
		if f.apply, ok = filters[f.name]; !ok {
			panic(fail(t.line, "the filter %q is not supported", f.name))
		}
		if p.skip("(") {
			f.args, f.named = p.arguments()
		}
		e = f
	}
	return e
}

func (p *parser) dotted() string {
	s := p.word()
	for p.skip(".") {
		s += "." + p.word()
	}
	return s
}

// test reads what follows is. An argument may come without brackets.
func (p *parser) test(e expression, line int) expression {
	not := p.skip("not")
	t := check{on: e, line: line, name: p.dotted()}
	var ok bool
	if t.apply, ok = tests[t.name]; !ok {
		panic(fail(line, "the test %q is not supported", t.name))
	}
	switch now := p.now(); {
	case p.skip("("):
		t.args, _ = p.arguments()
	case now.kind == name && !now.is("else") && !now.is("or") && !now.is("and") && !now.is("is") && !now.is("not") && !now.is("in") && !now.is("if") && !now.is("recursive"),
		now.kind == str, now.kind == integer, now.kind == float, now.is("["), now.is("{"):
		t.args = []expression{p.postfix(p.primary())}
	}
	if not {
		return negation{t}
	}
	return t
}
