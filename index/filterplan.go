package index

import (
	"math/bits"
	"slices"
	"sort"
)

// A plan is a condition bound to the columns of facts. Documents are found by
// going through the lists of the condition that admits fewest and trying the
// others on each, so that a narrow filter costs what it finds; a wide one is
// worked out in bits, 64 documents at once.
type plan struct {
	op    string
	kids  []*plan
	field *field
	spans []span
	docs  int // in facts
	most  int // documents that can meet it, at most
}

// wide is how many documents a plan must admit, of 64, to be worked out in bits.
const wide = 1

func (b *facts) plan(c *condition) *plan {
	p := &plan{op: c.op, docs: len(b.ords), most: len(b.ords)}
	for _, k := range c.kids {
		p.kids = append(p.kids, b.plan(k))
	}
	switch c.op {
	case opAnd:
		slices.SortStableFunc(p.kids, func(a, b *plan) int { return a.most - b.most })
		p.most = p.kids[0].most
	case opOr:
		sum := 0
		for _, k := range p.kids {
			sum += k.most
		}
		p.most = min(sum, p.docs)
	case opNot:
	default:
		if p.field = b.fields[c.field]; p.field == nil {
			p.field = newField(nil, p.docs)
		}
		p.spans = p.field.spans(c)
		p.most = p.count()
	}
	return p
}

// count bounds what a comparison admits.
func (p *plan) count() int {
	if p.op == opUnequal {
		return min(p.docs, len(p.field.lists.items))
	}
	n := 0
	for _, s := range p.spans {
		n += int(p.field.lists.start[s.end] - p.field.lists.start[s.from])
	}
	return min(n, p.docs)
}

// find returns the documents that meet the plan, in order.
func (p *plan) find() []uint32 {
	if p.most*64 > p.docs*wide {
		return p.bits().list()
	}
	return p.list()
}

// list works out a narrow plan.
func (p *plan) list() []uint32 {
	var out []uint32
	switch p.op {
	case opAnd:
		return slices.DeleteFunc(p.kids[0].list(), func(doc uint32) bool {
			return slices.ContainsFunc(p.kids[1:], func(k *plan) bool { return !k.holds(doc) })
		})
	case opOr:
		for _, k := range p.kids {
			out = append(out, k.list()...)
		}
	case opNot, opUnequal:
		return p.bits().list()
	default:
		for _, s := range p.spans {
			l := p.field.lists
			out = append(out, l.items[l.start[s.from]:l.start[s.end]]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// holds tries one document.
func (p *plan) holds(doc uint32) bool {
	fails := func(k *plan) bool { return !k.holds(doc) }
	switch p.op {
	case opAnd:
		return !slices.ContainsFunc(p.kids, fails)
	case opOr:
		return slices.ContainsFunc(p.kids, func(k *plan) bool { return k.holds(doc) })
	case opNot:
		return fails(p.kids[0])
	}
	values := p.field.of.at(doc)
	in := slices.ContainsFunc(values, p.admits)
	if p.op == opUnequal {
		return len(values) > 0 && !in
	}
	return in
}

func (p *plan) admits(value uint32) bool {
	i := sort.Search(len(p.spans), func(i int) bool { return p.spans[i].end > value })
	return i < len(p.spans) && p.spans[i].from <= value
}

// bits works out a wide plan.
func (p *plan) bits() bitset {
	out := newBitset(p.docs)
	switch p.op {
	case opAnd, opOr:
		out = p.kids[0].bits()
		for _, k := range p.kids[1:] {
			other := k.bits()
			for i := range out {
				if p.op == opAnd {
					out[i] &= other[i]
				} else {
					out[i] |= other[i]
				}
			}
		}
		return out
	case opNot:
		out = p.kids[0].bits()
		return out.flip(p.docs)
	}
	l := p.field.lists
	for _, s := range p.spans {
		out.set(l.items[l.start[s.from]:l.start[s.end]])
	}
	if p.op != opUnequal {
		return out
	}
	has := newBitset(p.docs)
	has.set(l.items)
	for i := range has {
		has[i] &^= out[i]
	}
	return has
}

// bitset has a bit for each document.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(docs []uint32) {
	for _, d := range docs {
		b[d/64] |= 1 << (d % 64)
	}
}

// flip turns the first n bits around.
func (b bitset) flip(n int) bitset {
	for i := range b {
		b[i] = ^b[i]
	}
	if n%64 != 0 {
		b[len(b)-1] &= 1<<(n%64) - 1
	}
	return b
}

// list returns the numbers of the bits that are set.
func (b bitset) list() []uint32 {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	out := make([]uint32, 0, n)
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			out = append(out, uint32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return out
}
