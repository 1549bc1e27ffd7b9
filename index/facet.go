package index

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// A FacetQuery asks what values documents have, and how many of them.
type FacetQuery struct {
	Filter   *Filter  // which documents; nil means all
	Ordinals []uint32 // if not nil, only these of them, such as what a search found
	Fields   []string // nil means all that any document has
	Top      int      // values of each field; 0 means 10, less than 0 none
}

// A Facet is what documents have in a field.
type Facet struct {
	Field     string
	Documents int          // that have it
	Values    []FacetValue // the most frequent first
}

// A FacetValue is a value, as a filter may have it, and the number of documents with
// it.
type FacetValue struct {
	Value     string
	Documents int
}

// Facets counts values, in the order of the query's fields, or by their names. Of a
// field with more than 65,536 different values that many are counted. Hidden
// documents do not count.
func (ix *Index) Facets(ctx context.Context, q FacetQuery) ([]Facet, error) {
	leave, err := ix.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	v, err := ix.loadFacts(ix.view.Load())
	if err != nil {
		return nil, err
	}
	found := v.facts.matching(q.Filter)
	if q.Ordinals != nil {
		found = roaring.And(found, roaring.BitmapOf(q.Ordinals...))
	}
	if q.Top == 0 {
		q.Top = 10
	}
	c := v.facts.counter(found)
	names := q.Fields
	if names == nil {
		names = c.names()
	}
	var out []Facet
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if f := c.facet(canonicalField(name), q.Top); f.Documents > 0 || q.Fields != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

// facetCounter counts among the documents of a set.
type facetCounter struct {
	segments []*segment
	among    []*roaring.Bitmap // places in each
	recent   []fact
}

func (f *facts) counter(found *roaring.Bitmap) facetCounter {
	var c facetCounter
	for _, h := range f.segments {
		c.segments = append(c.segments, h.segment)
		c.among = append(c.among, h.among(found))
	}
	for _, d := range f.latest() {
		if found.Contains(d.ord) {
			c.recent = append(c.recent, d)
		}
	}
	return c
}

// names returns the fields that documents may have, sorted.
func (c facetCounter) names() []string {
	var names []string
	for _, s := range c.segments {
		names = append(names, s.names()...)
	}
	for _, d := range c.recent {
		names = append(names, d.fields()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c facetCounter) facet(field string, top int) Facet {
	out := Facet{Field: field}
	counts := map[value]*int{} // an assignment would put the key's text in place of the copy
	add := func(v value, n int) {
		count := counts[v]
		if count == nil {
			count = new(int)
			v.text = strings.Clone(v.text)
			counts[v] = count
		}
		*count += n
	}
	for i, s := range c.segments {
		out.Documents += int(s.has(field).AndCardinality(c.among[i]))
		if top > 0 {
			s.count(field, c.among[i], add)
		}
	}
	for _, d := range c.recent {
		values := d.values(field)
		slices.SortFunc(values, compareValues)
		for _, v := range slices.Compact(values) {
			add(v, 1)
		}
		out.Documents += btoi(len(values) > 0)
	}
	for _, v := range mostFrequent(counts, top) {
		out.Values = append(out.Values, FacetValue{v.String(), *counts[v]})
	}
	return out
}

// mostFrequent returns the first values by their counts, then in their order.
func mostFrequent(counts map[value]*int, top int) []value {
	var out []value
	order := func(a, b value) int { return cmp.Or(cmp.Compare(*counts[b], *counts[a]), compareValues(a, b)) }
	for v := range counts {
		if len(out) > 0 && len(out) == top && order(v, out[top-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, v, order)
		out = slices.Insert(out, at, v)
		out = out[:max(0, min(len(out), top))]
	}
	return out
}

// A Field is a name that filters can use.
type Field struct {
	Name      string
	Documents int      // visible ones that have it
	Examples  []string // values as a filter may have them, the most frequent first
}

// Fields returns the fields that visible documents have, by name, and those that
// every index has, with up to examples of each one's values.
func (ix *Index) Fields(examples int) ([]Field, error) {
	facets, err := ix.Facets(context.Background(), FacetQuery{Top: cmp.Or(examples, -1)})
	if err != nil {
		return nil, err
	}
	var out []Field
	for _, f := range facets {
		field := Field{Name: f.Field, Documents: f.Documents}
		for _, v := range f.Values {
			field.Examples = append(field.Examples, v.Value)
		}
		out = append(out, field)
	}
	for _, name := range ownFields {
		if !slices.ContainsFunc(out, func(f Field) bool { return f.Name == name }) {
			out = append(out, Field{Name: name})
		}
	}
	slices.SortFunc(out, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}
