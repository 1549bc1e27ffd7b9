package index

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Selection asks for the documents that pass a filter.
type Selection struct {
	Filter *Filter // nil means all

	// Newest are fields with numbers or dates; the documents with the highest
	// value in the first of them that they have come first.
	Newest []string

	Limit int // 0 means 10

	Keep func(ordinal uint32) bool // if not nil, only what it accepts
}

// Select returns the documents that pass a filter, newest first, then by
// ordinal. Scores are 0.
func (ix *Index) Select(ctx context.Context, s Selection) ([]Hit, error) {
	if s.Limit == 0 {
		s.Limit = 10
	}
	return ix.settled(s.Filter, func(v *view) ([]Hit, error) {
		v, err := ix.loadFacts(v, false)
		if err != nil {
			return nil, err
		}
		age := v.ages(s.Newest)
		found := v.matching(s.Filter)
		if s.Keep != nil {
			found = slices.DeleteFunc(found, func(ord uint32) bool { return !s.Keep(ord) })
		}
		keys := make(map[uint32]float64, len(found))
		for _, ord := range found {
			keys[ord] = age(ord)
		}
		slices.SortFunc(found, func(a, b uint32) int { return cmp.Or(cmp.Compare(keys[b], keys[a]), cmp.Compare(a, b)) })
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		top := make([]scored, min(s.Limit, len(found)))
		for i := range top {
			top[i].ord = found[i]
		}
		return ix.hits(top)
	})
}

// ages returns what tells a document's age: its highest value in the first field
// that it has, or negative infinity.
func (v *view) ages(fields []string) func(ord uint32) float64 {
	latest := map[uint32]fact{}
	for _, d := range v.recent {
		latest[d.ord] = d
	}
	return func(ord uint32) float64 {
		for _, name := range fields {
			age := math.Inf(-1)
			if d, ok := latest[ord]; ok {
				for _, x := range d.values(name) {
					age = max(age, x.age())
				}
			} else if at, ok := slices.BinarySearch(v.facts.ords, ord); ok && v.facts.fields[name] != nil {
				f := v.facts.fields[name]
				for _, i := range f.of.at(uint32(at)) {
					age = max(age, f.values[i].age())
				}
			}
			if !math.IsInf(age, -1) {
				return age
			}
		}
		return math.Inf(-1)
	}
}

func (v value) age() float64 {
	if v.kind == number || v.kind == date {
		return v.num
	}
	return math.Inf(-1)
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
	leave, err := ix.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	v, err := ix.loadFacts(ix.view.Load(), true)
	if err != nil {
		return nil, err
	}
	var out []Field
	for name, f := range v.facts.fields {
		if field := v.describe(name, f, examples); field.Documents > 0 {
			out = append(out, field)
		}
	}
	for _, name := range ownFields {
		if !slices.ContainsFunc(out, func(f Field) bool { return f.Name == name }) {
			out = append(out, Field{Name: name})
		}
	}
	slices.SortFunc(out, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// describe counts a field's visible documents.
func (v *view) describe(name string, f *field, examples int) Field {
	out := Field{Name: name}
	visible := newBitset(len(v.facts.ords))
	for at, ord := range v.facts.ords {
		if v.visible(ord) {
			visible.set([]uint32{uint32(at)})
			if len(f.of.at(uint32(at))) > 0 {
				out.Documents++
			}
		}
	}
	type counted struct{ value, n int }
	var top []counted
	for i := range f.values {
		c := counted{value: i}
		for _, doc := range f.lists.at(uint32(i)) {
			c.n += int(visible[doc/64] >> (doc % 64) & 1)
		}
		at, _ := slices.BinarySearchFunc(top, c, func(a, b counted) int { return b.n - a.n })
		for at < len(top) && top[at].n == c.n {
			at++ // the earlier value goes first
		}
		if c.n > 0 && at < examples {
			top = slices.Insert(top, at, c)
			top = top[:min(len(top), examples)]
		}
	}
	for _, c := range top {
		out.Examples = append(out.Examples, f.values[c.value].String())
	}
	return out
}

// String returns the value as a filter may have it.
func (v value) String() string {
	n := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch v.kind {
	case boolean:
		return strconv.FormatBool(v.num != 0)
	case number:
		if i, ok := v.whole(); ok {
			return strconv.FormatInt(i, 10)
		}
		return n(v.num)
	case date:
		return time.Unix(int64(v.num), 0).UTC().Format("2006-01-02")
	case place:
		return "near(" + n(v.num) + "," + n(v.long) + ",1km)"
	}
	return quoteValue(v.text)
}
