package index

import (
	"cmp"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/columns"
)

// newSegment places documents by their ordinals, ascending.
func newSegment(ords []uint32) *segment {
	s := &segment{n: len(ords), fields: map[string][]part{}}
	if len(ords) == 0 {
		s.docs = columns.Holders{}
		return s
	}
	first, last := int(ords[0]), int(ords[len(ords)-1])
	switch {
	case last < 2*len(ords):
		s.first = 0
	case last-first < 2*len(ords):
		s.first = uint32(first)
	default:
		s.ords, s.docs = slices.Clone(ords), columns.Holders{N: len(ords)}
		return s
	}
	s.n = last + 1 - int(s.first)
	set := roaring.New()
	for _, ord := range ords {
		set.Add(ord - s.first)
	}
	s.docs = columns.NewHolders(s.n, set)
	return s
}

// segmentOf makes a segment of documents with different ordinals, ascending.
func segmentOf(docs []fact) *segment {
	ords := make([]uint32, len(docs))
	var ids columns.TextBuilder
	for i, d := range docs {
		ords[i] = d.ord
		ids.Add([]byte(d.id))
	}
	s := newSegment(ords)
	s.ids = ids.Texts()
	builders := map[string]*fieldBuilder{}
	for _, d := range docs {
		at, _ := s.place(d.ord)
		d.stored(func(name string, v value) {
			b := builders[name]
			if b == nil {
				b = s.builder(name)
				builders[name] = b
			}
			b.add(at, v)
		})
	}
	for name, b := range builders {
		s.fields[name] = b.parts()
	}
	b := s.builder(fieldGPS)
	for _, d := range docs {
		at, _ := s.place(d.ord)
		for _, v := range d.values(fieldGPS) {
			b.add(at, v)
		}
	}
	if parts := b.parts(); len(parts) > 0 {
		s.fields[fieldGPS] = parts
	}
	return s
}

// stored yields the values that a segment holds, but for places. Path and name come
// from the id.
func (d fact) stored(yield func(name string, v value)) {
	for name, of := range d.metadata {
		if name != keyTags && slices.Contains(ownFields, name) {
			continue
		}
		for _, v := range valuesOf(of) {
			yield(name, v)
		}
	}
	for _, name := range []string{fieldPath, fieldName} {
		for _, v := range d.own(name) {
			yield(name, v)
		}
	}
	for _, name := range []string{fieldFolder, fieldTaken, fieldAdded, fieldYear, fieldMonth, fieldTag} {
		for _, v := range d.values(name) {
			yield(name, v)
		}
	}
}

// builder returns one for a field of s. Places come after the columns that they may
// be made up of.
func (s *segment) builder(name string) *fieldBuilder {
	b := &fieldBuilder{places: s.n, split: name == keyLatitude || name == keyLongitude}
	if name == fieldGPS {
		b.lat, b.long = s.numbers(keyLatitude), s.numbers(keyLongitude)
	}
	return b
}

// build makes the columns of all fields, as many at once as there are cores. each
// yields the values of a field, whose texts may change afterwards.
func (s *segment) build(names map[string]bool, each func(name string, yield func(place uint32, v value))) {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	column := func(name string) {
		b := s.builder(name)
		each(name, b.add)
		if parts := b.parts(); len(parts) > 0 {
			mu.Lock()
			defer mu.Unlock()
			s.fields[name] = parts
		}
	}
	for name := range names {
		if name != fieldGPS {
			g.Go(func() error { column(name); return nil })
		}
	}
	g.Wait()
	if names[fieldGPS] { // refers to two others
		column(fieldGPS)
	}
}

// numbers returns the column of a field's numbers, if there is one.
func (s *segment) numbers(name string) *numberColumn {
	for _, p := range s.fields[name] {
		if b, ok := p.(*numberColumn); ok {
			return b
		}
	}
	return nil
}

// fieldBuilder collects the values of a field.
type fieldBuilder struct {
	places    int
	split     bool          // numbers are never put into a dictionary
	lat, long *numberColumn // of which places may be made up

	numbers []numberAt
	texts   textBuilder
	located *roaring.Bitmap // places that lat and long have
	others  []valueAt
}

type numberAt struct {
	place uint32
	kind  kind
	num   float64
	rest  int64
}

type valueAt struct {
	place uint32
	value value
}

func (b *fieldBuilder) add(at uint32, v value) {
	switch v.kind {
	case number, date:
		b.numbers = append(b.numbers, numberAt{at, v.kind, v.num, v.rest})
	case text:
		b.texts.add(at, v.text)
	case place:
		if b.isLocated(at, v) {
			b.located.Add(at)
			return
		}
		fallthrough
	default:
		b.others = append(b.others, valueAt{at, v})
	}
}

func (b *fieldBuilder) isLocated(at uint32, v value) bool {
	if b.lat == nil || b.long == nil {
		return false
	}
	if b.located == nil {
		b.located = roaring.New()
	}
	north, ok := b.lat.at(at)
	east, okEast := b.long.at(at)
	return ok && okEast && north.num == v.num && east.num == v.long
}

func (b *fieldBuilder) parts() []part {
	var out []part
	if p := b.numberColumn(); p != nil {
		out = append(out, p)
	}
	if b.located != nil && !b.located.IsEmpty() {
		p := newPlaceColumn(b.lat, b.long)
		if all := p.has(); all.GetCardinality() > b.located.GetCardinality() {
			all.AndNot(b.located)
			p.except = all
		}
		out = append(out, p)
	}
	if p := b.texts.part(b.places); p != nil {
		out = append(out, p)
	}
	if len(b.others) > 0 {
		out = append(out, newValueDictionary(b.others, b.places))
	}
	return out
}

// fewNumbers is how many different numbers are kept in a dictionary.
const fewNumbers = 64

// numberColumn returns a column of the numbers, or nil after leaving them to the
// dictionary.
func (b *fieldBuilder) numberColumn() *numberColumn {
	byPlace := func(a, c numberAt) int { return cmp.Compare(a.place, c.place) }
	if !slices.IsSortedFunc(b.numbers, byPlace) {
		slices.SortStableFunc(b.numbers, byPlace)
	}
	several, distinct := false, map[numberAt]bool{}
	for i, x := range b.numbers {
		several = several || x.kind != b.numbers[0].kind || i > 0 && x.place == b.numbers[i-1].place
		if len(distinct) <= fewNumbers {
			x.place = 0
			distinct[x] = true
		}
	}
	if len(b.numbers) == 0 {
		return nil
	}
	if several || len(distinct) <= fewNumbers && !b.split {
		for _, x := range b.numbers {
			b.others = append(b.others, valueAt{x.place, value{kind: x.kind, num: x.num, rest: x.rest}})
		}
		return nil
	}
	return newNumberColumn(b.numbers, b.places)
}

func newNumberColumn(numbers []numberAt, places int) *numberColumn {
	b := &numberColumn{kind: numbers[0].kind}
	set := roaring.New()
	whole := make([]int64, len(numbers))
	for i, x := range numbers {
		set.Add(x.place)
		if _, ok := x.value().whole(); !ok {
			b.form = formReal
		}
		whole[i], _ = x.value().whole()
	}
	b.holders = columns.NewHolders(places, set)
	if b.form == formReal {
		b.form = scaled(numbers, whole)
	}
	least := slices.Min(whole)
	if b.form == formReal { // in the order of unsigned numbers, not of int64
		least = int64(slices.MinFunc(whole, func(a, c int64) int { return cmp.Compare(uint64(a), uint64(c)) }))
	}
	keys := make([]uint64, len(whole))
	for i, x := range whole {
		keys[i] = uint64(x) - uint64(least)
		b.most = max(b.most, keys[i])
	}
	b.base, b.keys = least, columns.NewNumbers(keys)
	return b
}

func (x numberAt) value() value { return value{kind: x.kind, num: x.num, rest: x.rest} }

// scaled finds the power of ten that makes all numbers whole without loss, and
// them; else it gives their bits.
func scaled(numbers []numberAt, whole []int64) form {
	for f := form(1); f <= maxScale; f++ {
		lossless := true
		for i, x := range numbers {
			y := math.Round(x.num * tens[f])
			if lossless = x.rest == 0 && math.Abs(y) < 1<<53 && y/tens[f] == x.num && (y != 0 || x.num == 0); !lossless {
				break
			}
			whole[i] = int64(y)
		}
		if lossless {
			return f
		}
	}
	for i, x := range numbers {
		whole[i] = int64(toOrdered(x.num))
	}
	return formReal
}

func newValueDictionary(pairs []valueAt, places int) *valueDictionary {
	known := map[value]uint32{}
	for _, p := range pairs {
		known[p.value] = 0
	}
	b := &valueDictionary{values: slices.SortedFunc(maps.Keys(known), compareValues)}
	for i, v := range b.values {
		known[v] = uint32(i)
	}
	index, at := make([]uint32, len(pairs)), make([]uint32, len(pairs))
	for i, p := range pairs {
		index[i], at[i] = known[p.value], p.place
	}
	b.postings = columns.NewPostings(len(b.values), places, index, at)
	return b
}

// textBuilder collects texts, each once as long as they repeat.
type textBuilder struct {
	place []uint32
	index []uint32 // in list
	list  []string
	known map[string]uint32
	raw   []byte // once they do not: texts one behind another
	ends  []int  // of each in raw
}

// fewTexts is how many different texts there are before it matters whether they
// repeat; from there on, one in oftenTexts of all may be new.
const (
	fewTexts   = 1024
	oftenTexts = 4
)

func (b *textBuilder) add(at uint32, s string) {
	b.place = append(b.place, at)
	if b.ends != nil {
		b.raw = append(b.raw, s...)
		b.ends = append(b.ends, len(b.raw))
		return
	}
	i, ok := b.known[s]
	if !ok {
		if b.known == nil {
			b.known = map[string]uint32{}
		}
		s = strings.Clone(s)
		i = uint32(len(b.list))
		b.known[s] = i
		b.list = append(b.list, s)
	}
	b.index = append(b.index, i)
	if n := len(b.list); n > 1<<15 && n*oftenTexts > len(b.place)*3 {
		b.spread()
	}
}

// spread gives up looking for texts that repeat.
func (b *textBuilder) spread() {
	b.ends = make([]int, 0, 2*len(b.index))
	for _, i := range b.index {
		b.raw = append(b.raw, b.list[i]...)
		b.ends = append(b.ends, len(b.raw))
	}
	b.index, b.list, b.known = nil, nil, nil
}

// text returns the i-th of those added.
func (b *textBuilder) text(i int) string {
	if b.ends == nil {
		return b.list[b.index[i]]
	}
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return textOf(b.raw[from:b.ends[i]])
}

// part returns the texts of documents among places, or nil if there are none.
func (b *textBuilder) part(places int) part {
	if len(b.place) == 0 {
		return nil
	}
	set, several := roaring.New(), false
	for _, at := range b.place {
		several = !set.CheckedAdd(at) || several
	}
	if !several && (b.ends != nil || len(b.list) > fewTexts && len(b.list)*oftenTexts > len(b.place)) {
		return b.column(columns.NewHolders(places, set))
	}
	return b.dictionary(places)
}

func (b *textBuilder) column(holders columns.Holders) *textColumn {
	order := make([]int, len(b.place))
	for i := range order {
		order[i] = i
	}
	if !slices.IsSorted(b.place) {
		slices.SortFunc(order, func(a, c int) int { return cmp.Compare(b.place[a], b.place[c]) })
	}
	var texts columns.TextBuilder
	for _, i := range order {
		texts.Add([]byte(b.text(i)))
	}
	return &textColumn{texts.Texts(), holders}
}

func (b *textBuilder) dictionary(places int) *textDictionary {
	if b.ends != nil { // they do not repeat, but a document has several
		b.known = map[string]uint32{}
		for i := range b.ends {
			s := b.text(i)
			at, ok := b.known[s]
			if !ok {
				at = uint32(len(b.list))
				b.known[s], b.list = at, append(b.list, s)
			}
			b.index = append(b.index, at)
		}
	}
	order := make([]uint32, len(b.list))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, c uint32) int { return cmp.Compare(b.list[a], b.list[c]) })
	rank := make([]uint32, len(order))
	var texts columns.TextBuilder
	for i, at := range order {
		rank[at] = uint32(i)
		texts.Add([]byte(b.list[at]))
	}
	for i, at := range b.index {
		b.index[i] = rank[at]
	}
	return &textDictionary{texts.Texts(), columns.NewPostings(len(order), places, b.index, b.place)}
}
