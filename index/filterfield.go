package index

import (
	"math"
	"slices"
	"sort"
	"sync"
)

// field is a column: its distinct values in order, and both ways between them
// and documents. Documents are numbered by their place in facts.
type field struct {
	values []value
	lists  table // documents by value
	of     table // values by document

	once  sync.Once
	words map[string][]uint32 // values by the words in them
}

// table maps numbers to lists of numbers, all in one slice.
type table struct {
	start []uint32
	items []uint32
}

func (t table) at(i uint32) []uint32 { return t.items[t.start[i]:t.start[i+1]] }

// pair is one value of one document.
type pair struct {
	value value
	doc   uint32
}

// newField sorts what documents have in a field.
func newField(pairs []pair, docs int) *field {
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := compareValues(a.value, b.value); c != 0 {
			return c
		}
		return int(a.doc) - int(b.doc)
	})
	pairs = slices.CompactFunc(pairs, func(a, b pair) bool { return a.doc == b.doc && a.value == b.value })
	f := &field{}
	f.of.start = make([]uint32, docs+1)
	for i, p := range pairs {
		if i == 0 || p.value != pairs[i-1].value {
			f.values = append(f.values, p.value)
			f.lists.start = append(f.lists.start, uint32(i))
		}
		f.lists.items = append(f.lists.items, p.doc)
		f.of.start[p.doc+1]++
	}
	f.values = slices.Clip(f.values)
	f.lists.items = slices.Clip(f.lists.items)
	f.lists.start = append(f.lists.start, uint32(len(pairs)))
	for i := range docs {
		f.of.start[i+1] += f.of.start[i]
	}
	f.of.items = make([]uint32, len(pairs))
	next := slices.Clone(f.of.start)
	for v := range uint32(len(f.values)) {
		for _, doc := range f.lists.at(v) {
			f.of.items[next[doc]] = v
			next[doc]++
		}
	}
	return f
}

// span is a run of values, end excluded.
type span struct{ from, end uint32 }

// spans returns the values that a comparison holds for, != taken as =.
func (f *field) spans(c *condition) []span {
	if c.op == opNear {
		return f.near(c)
	}
	var out []span
	for _, l := range c.values {
		out = append(out, f.literal(c, l)...)
	}
	return joinSpans(out)
}

// joinSpans sorts spans and joins those that touch.
func joinSpans(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return int(a.from) - int(b.from) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
		} else if s.from < s.end {
			out = append(out, s)
		}
	}
	return out
}

// literal finds the values that one literal holds for: by halving where they
// are in order, by their words, or one after another.
func (f *field) literal(c *condition, l literal) []span {
	var out []span
	byWords := c.op == opHas || c.op == opIn
	for k := boolean; k <= text; k++ {
		s := f.kind(k)
		switch {
		case s.from == s.end:
		case l.any || l.pattern != nil && k == text || k == boolean || k == place:
			out = append(out, f.scan(s, c.op, l)...)
		case k == text && byWords && len(l.words.list) == 0:
			out = append(out, f.scan(s, c.op, l)...)
		case k == text && byWords:
			out = append(out, f.withWords(c.op, l)...)
		default:
			out = append(out, f.inOrder(s, c.op, l)...)
		}
	}
	return out
}

// kind returns where the values of a kind are.
func (f *field) kind(k kind) span {
	at := func(k kind) uint32 {
		return uint32(sort.Search(len(f.values), func(i int) bool { return f.values[i].kind >= k }))
	}
	return span{at(k), at(k + 1)}
}

// inOrder halves a span whose values are in the order of the comparison: it
// holds for a run of them at one end or in the middle.
func (f *field) inOrder(s span, op string, l literal) []span {
	first := func(holds func(v value) bool) uint32 {
		return s.from + uint32(sort.Search(int(s.end-s.from), func(i int) bool { return holds(f.values[int(s.from)+i]) }))
	}
	not := func(op string) uint32 { return first(func(v value) bool { return !l.holds(op, v) }) }
	switch op {
	case "<", "<=":
		return []span{{s.from, not(op)}}
	case ">", ">=":
		return []span{{first(func(v value) bool { return l.holds(op, v) }), s.end}}
	}
	// Equal are those from the first that is not less to the last that is not more.
	return []span{{not("<"), not("<=")}}
}

// scan tries the values of a span one after another.
func (f *field) scan(s span, op string, l literal) []span {
	var out []span
	for i := s.from; i < s.end; i++ {
		if !l.holds(op, f.values[i]) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].end == i {
			out[n-1].end++
		} else {
			out = append(out, span{i, i + 1})
		}
	}
	return out
}

// withWords tries the texts that have the rarest of the literal's words.
func (f *field) withWords(op string, l literal) []span {
	f.once.Do(f.collectWords)
	rarest := f.words[l.words.list[0]]
	for _, w := range l.words.list[1:] {
		if texts := f.words[w]; len(texts) < len(rarest) {
			rarest = texts
		}
	}
	var out []span
	for _, i := range rarest {
		if l.holds(op, f.values[i]) {
			out = append(out, span{i, i + 1})
		}
	}
	return out
}

func (f *field) collectWords() {
	f.words = map[string][]uint32{}
	texts := f.kind(text)
	for i := texts.from; i < texts.end; i++ {
		for _, w := range wordsOf(f.values[i].text).list {
			if at := f.words[w]; len(at) == 0 || at[len(at)-1] != i {
				f.words[w] = append(at, i)
			}
		}
	}
}

// near tries the places in the circle's band of latitudes.
func (f *field) near(c *condition) []span {
	s := f.kind(place)
	degrees := c.place.km/earthKm*180/math.Pi + 1e-9 // more than rounding takes away
	first := func(lat float64) uint32 {
		return s.from + uint32(sort.Search(int(s.end-s.from), func(i int) bool { return f.values[int(s.from)+i].num >= lat }))
	}
	var out []span
	for i := first(c.place.lat - degrees); i < s.end && f.values[i].num <= c.place.lat+degrees; i++ {
		if c.place.contains(f.values[i]) {
			out = append(out, span{i, i + 1})
		}
	}
	return out
}
