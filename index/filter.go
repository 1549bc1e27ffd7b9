package index

import (
	"slices"
	"strconv"
	"strings"
)

// A Filter is a condition on documents, such as
//
//	tag:beach and year>=2020 and near(59.9,10.7,5km) and not camera:X100
//
// A condition is FIELD OP VALUE, FIELD in(VALUE,VALUE), or a bare word, which is
// a tag. They are joined by "and", "or", "not" and parentheses; "and" binds
// tighter than "or".
//
//	:            the value's words stand in the field one after another, or the two
//	             are equal; upper and lower case are the same
//	= !=         equal, or not; a field with several values is equal if one of them is
//	< <= > >=    in the order of numbers, dates or bytes
//	in(a,b)      as FIELD:a or FIELD:b
//	FIELD:*      the document has the field
//	near(a,b,d)  within d (m, km, mi) of the latitude a and longitude b
//
// In a value * stands for any characters and ? for one, in path and folder
// within one folder, ** across them; a pattern of a path that does not begin
// with / may begin below any folder. Values with spaces, parentheses, commas or
// quotes stand in "…", where \" is a quote. Dates are a year, a month or a day
// (2023, 2023-05, 2023-05-17), or a moment (2023-05-17T12:30), in the time of the
// place where the picture was taken.
//
// Fields that every document has: path (the id), name, folder. Fields with a
// type of their own: taken and added are dates; year and month are those of
// taken; width and height are numbers; gps is a place; tag reads the metadata
// "tag" and "tags". All other names are those of the metadata. A condition on a
// field that a document lacks does not hold, and so "not" of it does.
//
// A Filter is immutable. A nil Filter lets everything pass. It is written as
// text, in JSON too.
type Filter struct {
	root *condition
}

// condition is a node of a filter: a comparison, or "and", "or", "not", "near".
type condition struct {
	op     string
	kids   []*condition
	field  string
	values []literal // one, for "in" one or more
	place  circle
}

// Match says whether a document with this id and metadata passes.
func (f *Filter) Match(id string, metadata map[string]any) bool {
	return f == nil || fact{id: id, metadata: metadata}.holds(f.root)
}

func (d fact) holds(c *condition) bool {
	switch c.op {
	case opAnd:
		return !slices.ContainsFunc(c.kids, func(k *condition) bool { return !d.holds(k) })
	case opOr:
		return slices.ContainsFunc(c.kids, d.holds)
	case opNot:
		return !d.holds(c.kids[0])
	case opUnequal:
		values := d.values(c.field)
		return len(values) > 0 && !slices.ContainsFunc(values, c.holds)
	}
	return slices.ContainsFunc(d.values(c.field), c.holds)
}

// holds says whether one value meets a comparison; for != whether it meets =.
func (c *condition) holds(v value) bool {
	if c.op == opNear {
		return v.kind == place && c.place.contains(v)
	}
	return slices.ContainsFunc(c.values, func(l literal) bool { return l.holds(c.op, v) })
}

// any says whether one of the literals is *.
func (c *condition) any() bool {
	return slices.ContainsFunc(c.values, func(l literal) bool { return l.any })
}

// Fields returns the names of the fields that the filter asks for, each once.
func (f *Filter) Fields() []string {
	var names []string
	if f != nil {
		f.root.collect(&names)
	}
	return names
}

func (c *condition) collect(names *[]string) {
	for _, k := range c.kids {
		k.collect(names)
	}
	if c.field != "" && !slices.Contains(*names, c.field) {
		*names = append(*names, c.field)
	}
}

// String returns the filter in its canonical form, which ParseFilter reads.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	var b strings.Builder
	f.root.write(&b, 0)
	return b.String()
}

// MarshalText returns the canonical form.
func (f *Filter) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is ParseFilter.
func (f *Filter) UnmarshalText(text []byte) error {
	parsed, err := ParseFilter(string(text))
	if err == nil {
		*f = *parsed
	}
	return err
}

// write appends the condition, in parentheses if it binds less than what it
// stands in.
func (c *condition) write(b *strings.Builder, binding int) {
	own := map[string]int{opOr: 1, opAnd: 2, opNot: 3}[c.op]
	if own != 0 && own < binding {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch c.op {
	case opAnd, opOr:
		for i, k := range c.kids {
			if i > 0 {
				b.WriteString(" " + c.op + " ")
			}
			k.write(b, own+1)
		}
	case opNot:
		b.WriteString("not ")
		c.kids[0].write(b, own)
	case opNear:
		b.WriteString(c.place.String())
	case opIn:
		b.WriteString(quoteField(c.field) + " in(")
		for i, l := range c.values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoteValue(l.text))
		}
		b.WriteByte(')')
	default:
		b.WriteString(quoteField(c.field) + c.op + quoteValue(c.values[0].text))
	}
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quoteValue puts quotes around what is not one word.
func quoteValue(s string) string {
	if s != "" && !strings.ContainsFunc(s, endsValue) && !strings.HasPrefix(s, "=") {
		return s
	}
	return `"` + quotes.Replace(s) + `"`
}

// quoteField puts quotes around what would not be read as a field's name.
func quoteField(s string) string {
	if s != "" && !strings.ContainsFunc(s, endsWord) && !slices.Contains([]string{opAnd, opOr, opNot}, strings.ToLower(s)) {
		return s
	}
	return `"` + quotes.Replace(s) + `"`
}

// circle is what near asks for.
type circle struct {
	lat, long, km float64
}

func (c circle) String() string {
	n := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	return "near(" + n(c.lat) + "," + n(c.long) + "," + n(c.km) + "km)"
}
