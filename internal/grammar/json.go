package grammar

// builder makes a grammar's rules.
type builder struct {
	rules  []rule
	schema map[string]int // rules of schemas that are referred to, by their place
	root   any
	json   map[string]int // rules of plain JSON, by name
}

// add makes room for a rule, so that others can name it before it is known.
func (b *builder) add() int {
	b.rules = append(b.rules, nil)
	return len(b.rules) - 1
}

// rule adds one.
func (b *builder) rule(alternatives ...[]symbol) int {
	b.rules = append(b.rules, alternatives)
	return len(b.rules) - 1
}

func ref(r int) symbol { return symbol{rule: r} }

// text is a string of bytes as symbols.
func text(s string) []symbol {
	var out []symbol
	for i := range len(s) {
		out = append(out, oneOf(s[i:i+1]))
	}
	return out
}

// oneOf is any of some bytes.
func oneOf(bytes string) symbol {
	var s set
	for i := range len(bytes) {
		s.add(bytes[i])
	}
	return symbol{set: &s}
}

// between is any byte from lo to hi.
func between(lo, hi byte) symbol {
	var s set
	for c := int(lo); c <= int(hi); c++ {
		s.add(byte(c))
	}
	return symbol{set: &s}
}

// seq joins symbols.
func seq(parts ...[]symbol) []symbol {
	var out []symbol
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func one(s symbol) []symbol { return []symbol{s} }

// many is a rule for any number of something.
func (b *builder) many(s symbol) symbol {
	r := b.add()
	b.rules[r] = rule{{s, ref(r)}, {}}
	return ref(r)
}

// counted is a rule for least to most of something; most below 0: any number.
func (b *builder) counted(s symbol, least, most int) symbol {
	tail := ref(b.rule([]symbol{}))
	if most < 0 {
		tail = b.many(s)
	}
	for range most - least {
		tail = ref(b.rule([]symbol{s, tail}, []symbol{}))
	}
	for range least {
		tail = ref(b.rule([]symbol{s, tail}))
	}
	return tail
}

// plain are the rules of JSON without a schema.
func (b *builder) plain(name string) symbol {
	if r, ok := b.json[name]; ok {
		return ref(r)
	}
	r := b.add()
	b.json[name] = r
	digit := between('0', '9')
	switch name {
	case "null":
		b.rules[r] = rule{text("null")}
	case "boolean":
		b.rules[r] = rule{text("true"), text("false")}
	case "integer":
		whole := b.rule(text("0"), []symbol{between('1', '9'), b.counted(digit, 0, 15)})
		b.rules[r] = rule{one(ref(whole)), seq(text("-"), one(ref(whole)))}
	case "number":
		fraction := b.rule([]symbol{}, []symbol{oneOf("."), b.counted(digit, 1, 15)})
		exponent := b.rule([]symbol{}, []symbol{oneOf("eE"), ref(b.rule([]symbol{}, one(oneOf("+-")))), b.counted(digit, 1, 3)})
		b.rules[r] = rule{{b.plain("integer"), ref(fraction), ref(exponent)}}
	case "character":
		b.rules[r] = characters()
		hex := oneOf("0123456789abcdefABCDEF")
		b.rules[r] = append(b.rules[r], seq(text(`\`), one(oneOf(`"\/bfnrt`))), seq(text(`\u`), []symbol{hex, hex, hex, hex}))
	case "string":
		b.rules[r] = rule{{oneOf(`"`), b.many(b.plain("character")), oneOf(`"`)}}
	case "space": // at most one, or a line with an indent
		b.rules[r] = rule{{}, text(" "), {oneOf("\n"), b.counted(oneOf(" \t"), 0, 20)}}
	case "object":
		pair := b.rule([]symbol{b.plain("string"), oneOf(":"), b.plain("space"), b.plain("value")})
		b.rules[r] = b.list('{', '}', ref(pair), 0, -1)
	case "array":
		b.rules[r] = b.list('[', ']', b.plain("value"), 0, -1)
	case "value":
		for _, kind := range []string{"object", "array", "string", "number", "boolean", "null"} {
			b.rules[r] = append(b.rules[r], one(b.plain(kind)))
		}
	}
	return ref(r)
}

// characters are those of a string that stand for themselves: ASCII less the controls,
// the quote and the backslash, and well-formed UTF-8.
func characters() rule {
	var ascii set
	for c := byte(0x20); c < 0x7f; c++ {
		if c != '"' && c != '\\' {
			ascii.add(c)
		}
	}
	more := between(0x80, 0xbf)
	return rule{
		{{set: &ascii}},
		{between(0xc2, 0xdf), more},
		{between(0xe0, 0xe0), between(0xa0, 0xbf), more},
		{between(0xe1, 0xec), more, more},
		{between(0xed, 0xed), between(0x80, 0x9f), more},
		{between(0xee, 0xef), more, more},
		{between(0xf0, 0xf0), between(0x90, 0xbf), more, more},
		{between(0xf1, 0xf3), more, more, more},
		{between(0xf4, 0xf4), between(0x80, 0x8f), more, more},
	}
}

// list is items between brackets, with commas.
func (b *builder) list(open, end byte, item symbol, least, most int) rule {
	space, close := b.plain("space"), oneOf(string(end))
	next := ref(b.rule([]symbol{oneOf(","), space, item, space}))
	var out rule
	if least == 0 {
		out = append(out, []symbol{oneOf(string(open)), space, close})
	}
	if most != 0 {
		out = append(out, []symbol{oneOf(string(open)), space, item, space, b.counted(next, max(least-1, 0), max(most-1, -1)), close})
	}
	return out
}
