package index

import (
	"maps"
	"slices"

	"github.com/emblem-search/emblem/internal/columns"
)

// The marks of parts in a file.
const (
	markNumbers = iota + 1
	markPlaces
	markValues
	markDictionary
	markTexts
)

func (b *numberColumn) encode(e *columns.Encoder) {
	e.Uint(markNumbers)
	e.Uint(uint64(b.kind))
	e.Uint(uint64(b.form))
	e.Uint(uint64(b.base))
	e.Uint(b.most)
	e.Numbers(b.keys)
	e.Holders(b.holders)
}

func (b *placeColumn) encode(e *columns.Encoder) {
	e.Uint(markPlaces)
	e.Bitmap(b.except)
}

func (b *valueDictionary) encode(e *columns.Encoder) {
	e.Uint(markValues)
	e.Uint(uint64(len(b.values)))
	for _, v := range b.values {
		e.Uint(uint64(v.kind))
		e.Float(v.num)
		e.Uint(uint64(v.rest))
		e.Float(v.long)
	}
	e.Postings(b.postings)
}

func (b *textDictionary) encode(e *columns.Encoder) {
	e.Uint(markDictionary)
	e.Texts(b.texts)
	e.Postings(b.postings)
}

func (b *textColumn) encode(e *columns.Encoder) {
	e.Uint(markTexts)
	e.Texts(b.texts)
	e.Holders(b.holders)
}

// encode writes the fields in the order of their names, places at the end because
// they refer to two others.
func (s *segment) encode(e *columns.Encoder) {
	e.Uint(uint64(s.n))
	e.Uint(uint64(s.first))
	e.Uint32s(s.ords)
	e.Texts(s.ids)
	e.Holders(s.docs)
	names := slices.Sorted(maps.Keys(s.fields))
	e.Uint(uint64(len(names)))
	slices.SortStableFunc(names, func(a, b string) int {
		return btoi(a == fieldGPS) - btoi(b == fieldGPS)
	})
	for _, name := range names {
		e.String(name)
		e.Uint(uint64(len(s.fields[name])))
		for _, p := range s.fields[name] {
			p.encode(e)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// decodeSegment reads what encode wrote; d knows whether it was in order.
func decodeSegment(d *columns.Decoder) *segment {
	s := &segment{n: d.Places(), first: uint32(d.Places()), ords: d.Uint32s(), fields: map[string][]part{}}
	if len(s.ords) == 0 {
		s.ords = nil
	} else if len(s.ords) != s.n || !slices.IsSorted(s.ords) {
		d.Fail()
	}
	if int64(s.first)+int64(s.n) > 1<<32 {
		d.Fail()
	}
	s.ids = d.Texts()
	s.docs = d.Holders(s.n, s.ids.Len())
	if s.n > 2*s.ids.Len() {
		d.Fail()
	}
	for range d.Count(2) {
		name := d.String()
		for range d.Count(1) {
			if p := s.decodePart(d); p != nil {
				s.fields[name] = append(s.fields[name], p)
			}
		}
	}
	return s
}

// decodePart returns nil after a mistake.
func (s *segment) decodePart(d *columns.Decoder) part {
	var p part
	switch d.Uint() {
	case markNumbers:
		b := &numberColumn{kind: kind(d.Below(uint64(place))), form: form(d.Below(uint64(formReal) + 1)), base: int64(d.Uint()), most: d.Uint(), keys: d.Numbers()}
		b.holders = d.Holders(s.n, b.keys.Len())
		if b.form > maxScale && b.form != formReal {
			d.Fail()
		}
		p = b
	case markPlaces:
		b := &placeColumn{}
		except := d.Bitmap(s.n)
		lat, long := s.numbers(keyLatitude), s.numbers(keyLongitude)
		if lat == nil || long == nil {
			d.Fail()
		} else {
			b = newPlaceColumn(lat, long)
			b.except = except
		}
		p = b
	case markValues:
		b := &valueDictionary{values: make([]value, d.Count(18))}
		for i := range b.values {
			b.values[i] = value{kind: kind(d.Below(uint64(text))), num: d.Float(), rest: int64(d.Uint()), long: d.Float()}
		}
		b.postings = d.Postings(len(b.values), s.n)
		p = b
	case markDictionary:
		b := &textDictionary{texts: d.Texts()}
		b.postings = d.Postings(b.texts.Len(), s.n)
		p = b
	case markTexts:
		b := &textColumn{texts: d.Texts()}
		b.holders = d.Holders(s.n, b.texts.Len())
		p = b
	default:
		d.Fail()
	}
	if d.Err() != nil {
		return nil
	}
	return p
}
