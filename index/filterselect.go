package index

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// A Selection asks for the documents that pass a filter.
type Selection struct {
	Filter *Filter // nil means all

	// Newest are fields with numbers or dates; the documents with the highest
	// value in the first of them that they have come first.
	Newest []string

	Limit int // 0 means 10

	Keep func(ordinal uint32) bool // if not nil, only what it accepts

	// As in Query.
	AsOf    uint64
	AtLeast uint64
	Cursor  string
}

func kept(found *roaring.Bitmap, keep func(ord uint32) bool) *roaring.Bitmap {
	list := slices.DeleteFunc(found.ToArray(), func(ord uint32) bool { return !keep(ord) })
	return roaring.BitmapOf(list...)
}

// dated is a document with what tells its age: its highest value in the first field
// that it has, or negative infinity.
type dated struct {
	ord uint32
	age float64
}

// newest offers the documents of a set with their ages.
func (f *facts) newest(found *roaring.Bitmap, fields []string, best *newestOf) {
	f.eachRecent(func(_ int, d fact) {
		if !d.gone && found.Contains(d.ord) {
			best.add(dated{d.ord, d.age(fields)})
		}
	})
	for _, h := range f.segments {
		h.newest(h.among(found), fields, best)
	}
}

// newestOf keeps the newest of many: at most twice the limit, sorted now and then.
type newestOf struct {
	limit int
	after *cursor // if not nil, only what stands behind it
	list  []dated
	worst *dated // of the limit, once there are as many
	cuts  int
}

func byAge(a, b dated) int { return cmp.Or(cmp.Compare(b.age, a.age), cmp.Compare(a.ord, b.ord)) }

func (n *newestOf) add(d dated) {
	if n.worst != nil && byAge(d, *n.worst) > 0 || !n.after.passed(d.age, d.ord) {
		return
	}
	if n.list = append(n.list, d); len(n.list) >= 2*n.limit+64 {
		n.cut()
	}
}

func (n *newestOf) cut() {
	n.cuts++
	slices.SortFunc(n.list, byAge)
	if len(n.list) > n.limit {
		n.list = n.list[:max(0, n.limit)]
	}
	if k := len(n.list); k > 0 && k == n.limit {
		worst := n.list[k-1]
		n.worst = &worst
	}
}

func (d fact) age(fields []string) float64 {
	for _, name := range fields {
		age := math.Inf(-1)
		for _, x := range d.values(name) {
			age = max(age, x.age())
		}
		if !math.IsInf(age, -1) {
			return age
		}
	}
	return math.Inf(-1)
}

func (v value) age() float64 {
	if v.kind == number || v.kind == date {
		return v.num
	}
	return math.Inf(-1)
}

// among returns the places of those documents of a set that count in h.
func (h held) among(ords *roaring.Bitmap) *roaring.Bitmap {
	var places *roaring.Bitmap
	switch {
	case h.ords != nil:
		places = roaring.New()
		for at, ord := range h.ords {
			if ords.Contains(ord) {
				places.Add(uint32(at))
			}
		}
	case h.first == 0:
		places = ords
	default:
		places = roaring.AddOffset64(ords, -int64(h.first))
	}
	return roaring.And(places, h.live())
}

// newest offers a set of places, which it uses up, with their ages.
func (h held) newest(left *roaring.Bitmap, fields []string, best *newestOf) {
	for _, name := range fields {
		for _, p := range h.fields[name] {
			if left.IsEmpty() {
				return
			}
			switch p := p.(type) {
			case *numberColumn:
				p.newest(left, h.segment, best)
				left.AndNot(p.holders.Bitmap())
			case *valueDictionary:
				for place, age := range p.ages(left) {
					best.add(dated{h.ordinal(place), age})
					left.Remove(place)
				}
			}
		}
	}
	left.Iterate(func(place uint32) bool {
		best.add(dated{h.ordinal(place), math.Inf(-1)})
		return true
	})
}

// newest offers what is not older than the worst of the best.
func (b *numberColumn) newest(among *roaring.Bitmap, s *segment, best *newestOf) {
	var least uint64
	cuts := -1
	eachOf(b.holders, among, func(i int, place uint32) {
		if best.cuts != cuts && best.worst != nil {
			cuts = best.cuts
			least, _ = b.first(func(v value) bool { return v.num >= best.worst.age })
		}
		if key := b.keys.At(i); key >= least {
			best.add(dated{s.ordinal(place), b.value(key).num})
		}
	})
}

// ages returns the highest number or date of each place that has one.
func (b *valueDictionary) ages(among *roaring.Bitmap) map[uint32]float64 {
	out := map[uint32]float64{}
	for i, v := range b.values {
		if v.kind == number || v.kind == date {
			b.postings.Each(i, func(place uint32) {
				if old, ok := out[place]; among.Contains(place) && (!ok || v.num > old) {
					out[place] = v.num
				}
			})
		}
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
