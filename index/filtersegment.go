package index

import (
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/columns"
)

// A segment is what filters see of some documents, by field. It is immutable. Its
// documents have places from 0 in the order of their ordinals; where most ordinals
// between the first and the last are there, the place is the ordinal less first.
type segment struct {
	n      int      // places
	first  uint32   // ordinal of place 0
	ords   []uint32 // ordinals by place, nil if they are first, first+1, …
	docs   columns.Holders
	ids    *columns.Texts // of docs
	fields map[string][]part

	file string // its name in the folder of columns, once it is there
	sum  uint32 // of the file
}

// place returns where a document is.
func (s *segment) place(ord uint32) (uint32, bool) {
	if s.ords != nil {
		at, ok := slices.BinarySearch(s.ords, ord)
		return uint32(at), ok
	}
	at := ord - s.first
	return at, ord >= s.first && int(at) < s.n && (s.docs.Set == nil || s.docs.Set.Contains(at))
}

func (s *segment) ordinal(place uint32) uint32 {
	if s.ords != nil {
		return s.ords[place]
	}
	return s.first + place
}

// ordinals turns places into ordinals.
func (s *segment) ordinals(places *roaring.Bitmap) *roaring.Bitmap {
	switch {
	case s.ords != nil:
		list := places.ToArray()
		for i, place := range list {
			list[i] = s.ords[place]
		}
		return roaring.BitmapOf(list...)
	case s.first == 0:
		return places
	}
	return roaring.AddOffset64(places, int64(s.first))
}

// find returns the places of the documents that meet a condition, and perhaps
// others outside within, if there is one. nil is met by all.
func (s *segment) find(c *condition, within *roaring.Bitmap) *roaring.Bitmap {
	if c == nil {
		return copyOf(s.docs.Bitmap())
	}
	switch c.op {
	case opAnd:
		return s.findAll(c.kids, within)
	case opOr:
		out := roaring.New()
		for _, k := range c.kids {
			out.Or(s.find(k, within))
		}
		return out
	case opNot:
		out := copyOf(s.docs.Bitmap())
		out.AndNot(s.find(c.kids[0], within))
		return out
	case opUnequal:
		out := s.has(c.field)
		out.AndNot(s.compare(c, within))
		return out
	}
	return s.compare(c, within)
}

// findAll tries the costly conditions on what the others leave.
func (s *segment) findAll(kids []*condition, within *roaring.Bitmap) *roaring.Bitmap {
	kids = slices.Clone(kids)
	sort.SliceStable(kids, func(a, b int) bool { return s.cost(kids[a]) < s.cost(kids[b]) })
	out := s.find(kids[0], within)
	for _, k := range kids[1:] {
		if out.IsEmpty() {
			break
		}
		out.And(s.find(k, out))
	}
	return out
}

func (s *segment) cost(c *condition) int {
	cost := 0
	for _, k := range c.kids {
		cost = max(cost, s.cost(k))
	}
	for _, p := range s.fields[c.field] {
		cost = max(cost, p.cost())
	}
	if c.field == fieldPath || c.field == fieldName {
		cost = 3
	}
	return cost
}

// compare works out a comparison, != as =.
func (s *segment) compare(c *condition, within *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	for _, p := range s.fields[c.field] {
		out.Or(p.find(c, within))
	}
	if c.op == opNear || c.field != fieldPath && c.field != fieldName {
		return out
	}
	ids := &textColumn{s.ids, s.docs}
	test := c.textTest()
	of := slashed
	if c.field == fieldName {
		of = baseName
	}
	byID := ids.try(func(id []byte) bool { return test(of(id)) }, within)
	for _, p := range s.fields[c.field] { // the document's own count alone
		byID.AndNot(p.has())
	}
	out.Or(byID)
	return out
}

// has returns the places with a value in a field.
func (s *segment) has(field string) *roaring.Bitmap {
	if field == fieldPath || field == fieldName {
		return copyOf(s.docs.Bitmap())
	}
	out := roaring.New()
	for _, p := range s.fields[field] {
		out.Or(p.has())
	}
	return out
}

// count yields a field's values with the number of places in set that have it.
func (s *segment) count(field string, set *roaring.Bitmap, yield func(v value, n int)) {
	var own *roaring.Bitmap
	for _, p := range s.fields[field] {
		p.count(set, yield)
		if own = p.has(); field == fieldPath || field == fieldName {
			set = roaring.AndNot(set, own)
		}
	}
	if field != fieldPath && field != fieldName {
		return
	}
	(&textColumn{s.ids, s.docs}).count(set, func(v value, n int) {
		if field == fieldName {
			v.text = textOf(baseName([]byte(v.text)))
		} else {
			v.text = textOf(slashed([]byte(v.text)))
		}
		yield(v, n)
	})
}

// names are the fields that documents have.
func (s *segment) names() []string {
	names := []string{fieldPath, fieldName}
	for name := range s.fields {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
