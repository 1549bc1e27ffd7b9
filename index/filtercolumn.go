package index

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/columns"
)

// A part holds some of the values of a field in a segment, where documents are
// numbered by their places. Bitmaps that it returns are the caller's.
type part interface {
	// has returns the places with a value.
	has() *roaring.Bitmap
	// find returns the places with a value that c holds for, != taken as =. It
	// looks at those within a set only, if there is one, and may return others.
	find(c *condition, within *roaring.Bitmap) *roaring.Bitmap
	// each yields every value with its place; its text may change afterwards.
	each(yield func(place uint32, v value))
	// count yields values with the number of places in set that have it, a value
	// more than once if need be.
	count(set *roaring.Bitmap, yield func(v value, n int))
	// cost tells how long find takes, roughly.
	cost() int
	encode(e *columns.Encoder)
}

// copyOf returns a bitmap that shares nothing with b, not even b's notes on what
// it shares.
func copyOf(b *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	out.Or(b)
	return out
}

func textOf(s []byte) string { return unsafe.String(unsafe.SliceData(s), len(s)) }

// form is how a column's keys stand for numbers.
type form uint8

const (
	formWhole form = 0  // the key and base are an int64; up to maxScale, divided by a power of ten
	formReal  form = 99 // the bits of a float64, in the order of the numbers
	maxScale       = 9
)

var tens = func() (t [maxScale + 1]float64) {
	for i := range t {
		t[i] = math.Pow10(i)
	}
	return t
}()

// numberColumn holds numbers or dates, one a document.
type numberColumn struct {
	kind    kind
	form    form
	base    int64
	most    uint64 // largest key
	keys    *columns.Numbers
	holders columns.Holders
}

// value returns what a key stands for; it grows with the key.
func (b *numberColumn) value(key uint64) value {
	i := int64(uint64(b.base) + key)
	v := value{kind: b.kind}
	switch b.form {
	case formWhole:
		v = wholeValue(i)
		v.kind = b.kind
	case formReal:
		v.num = ofOrdered(uint64(i))
	default:
		v.num = float64(i) / tens[b.form]
	}
	return v
}

// toOrdered maps numbers to whole ones in the same order.
func toOrdered(x float64) uint64 {
	u := math.Float64bits(x)
	if u>>63 != 0 {
		return ^u
	}
	return u | 1<<63
}

func ofOrdered(u uint64) float64 {
	if u>>63 != 0 {
		return math.Float64frombits(u &^ (1 << 63))
	}
	return math.Float64frombits(^u)
}

func (b *numberColumn) has() *roaring.Bitmap { return copyOf(b.holders.Bitmap()) }
func (b *numberColumn) cost() int            { return 1 }

func (b *numberColumn) find(c *condition, _ *roaring.Bitmap) *roaring.Bitmap {
	if c.op == opNear {
		return roaring.New()
	}
	words := make([]uint64, (b.keys.Len()+63)/64)
	for _, l := range c.values {
		if least, most, ok := b.span(c.op, l); ok {
			b.keys.InRange(least, most, words)
		}
	}
	return b.holders.Places(words)
}

// span returns the keys that a literal holds for.
func (b *numberColumn) span(op string, l literal) (least, most uint64, ok bool) {
	if l.any && equality(op) {
		return 0, b.most, true
	}
	end := func(op string) (uint64, bool) { // the last key before op no longer holds
		k, found := b.first(func(v value) bool { return !l.holds(op, v) })
		return k - 1, !found || k > 0
	}
	switch op {
	case "<", "<=":
		most, ok = end(op)
		return 0, min(most, b.most), ok
	case ">", ">=":
		least, ok = b.first(func(v value) bool { return l.holds(op, v) })
		return least, b.most, ok
	}
	// Equal are those from the first that is not less to the last that is not more.
	least, ok = b.first(func(v value) bool { return !l.holds("<", v) })
	most, some := end("<=")
	most = min(most, b.most)
	return least, most, ok && some && least <= most
}

// first returns the first key that holds is true for, being true for all after it;
// if there is none, one after the largest and false.
func (b *numberColumn) first(holds func(v value) bool) (uint64, bool) {
	if !holds(b.value(b.most)) {
		return b.most + 1, false
	}
	from, to := uint64(0), b.most
	for from < to {
		mid := from + (to-from)/2
		if holds(b.value(mid)) {
			to = mid
		} else {
			from = mid + 1
		}
	}
	return from, true
}

func (b *numberColumn) each(yield func(place uint32, v value)) {
	b.holders.Each(func(i int, place uint32) { yield(place, b.value(b.keys.At(i))) })
}

func (b *numberColumn) count(set *roaring.Bitmap, yield func(v value, n int)) {
	counts := map[uint64]int{}
	eachOf(b.holders, set, func(i int, _ uint32) {
		key := b.keys.At(i)
		if n := counts[key]; n > 0 || len(counts) < mostCounted {
			counts[key] = n + 1
		}
	})
	for key, n := range counts {
		yield(b.value(key), n)
	}
}

// eachOf calls f for the entries whose places are in set.
func eachOf(h columns.Holders, set *roaring.Bitmap, f func(i int, place uint32)) {
	if set.GetCardinality()*64 < uint64(h.N) {
		set.Iterate(func(place uint32) bool {
			if i, ok := h.Index(place); ok {
				f(i, place)
			}
			return true
		})
		return
	}
	in := make([]uint64, max(set.DenseSize(), uint64(h.N+63)/64))
	set.WriteDenseTo(in)
	h.Each(func(i int, place uint32) {
		if in[place/64]>>(place%64)&1 != 0 {
			f(i, place)
		}
	})
}

// at returns the value at a place.
func (b *numberColumn) at(place uint32) (value, bool) {
	i, ok := b.holders.Index(place)
	if !ok {
		return value{}, false
	}
	return b.value(b.keys.At(i)), true
}

// placeColumn holds places that are the numbers of two other columns.
type placeColumn struct {
	lat, long *numberColumn
	together  bool            // the two have the same holders
	except    *roaring.Bitmap // places with both numbers that are not here; may be nil
}

func newPlaceColumn(lat, long *numberColumn) *placeColumn {
	a, b := lat.holders.Set, long.holders.Set
	return &placeColumn{lat: lat, long: long, together: a == b || a != nil && b != nil && a.Equals(b)}
}

func (b *placeColumn) cost() int { return 1 }

func (b *placeColumn) has() *roaring.Bitmap {
	out := b.lat.has()
	if !b.together {
		out.And(b.long.holders.Bitmap())
	}
	return b.without(out)
}

func (b *placeColumn) without(out *roaring.Bitmap) *roaring.Bitmap {
	if b.except != nil {
		out.AndNot(b.except)
	}
	return out
}

func (b *placeColumn) find(c *condition, _ *roaring.Bitmap) *roaring.Bitmap {
	if c.op != opNear {
		if !equality(c.op) || !c.any() {
			return roaring.New()
		}
		return b.has()
	}
	if !b.together {
		out := roaring.New()
		b.each(func(place uint32, v value) {
			if c.place.contains(v) {
				out.Add(place)
			}
		})
		return out
	}
	words := make([]uint64, (b.lat.keys.Len()+63)/64)
	box := c.place.box()
	south, some := b.lat.first(func(v value) bool { return v.num >= c.place.lat-box.lat })
	north, found := b.lat.first(func(v value) bool { return v.num > c.place.lat+box.lat })
	if !found {
		north = b.lat.most
	} else if north == 0 {
		some = false
	} else {
		north--
	}
	if some && south <= north {
		b.lat.keys.InRange(south, north, words)
	}
	for w, word := range words {
		for ; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			if long := b.long.value(b.long.keys.At(w*64 + bit)).num; !box.holds(long) ||
				!c.place.contains(value{num: b.lat.value(b.lat.keys.At(w*64 + bit)).num, long: long}) {
				words[w] &^= 1 << bit
			}
		}
	}
	return b.without(b.lat.holders.Places(words))
}

func (b *placeColumn) each(yield func(place uint32, v value)) {
	b.lat.each(func(at uint32, north value) {
		if east, ok := b.long.at(at); ok && (b.except == nil || !b.except.Contains(at)) {
			yield(at, value{kind: place, num: north.num, long: east.num})
		}
	})
}

func (b *placeColumn) count(set *roaring.Bitmap, yield func(v value, n int)) {
	n := 0
	b.each(func(place uint32, v value) {
		if n < mostCounted && set.Contains(place) {
			n++
			yield(v, 1)
		}
	})
}

// box is a rectangle around a circle, or less than a circle's width too wide.
type box struct {
	lat, long, half float64 // degrees; half of the height, the middle, half of the width
}

func (c circle) box() box {
	const spare = 1e-9 // more than rounding takes away
	angle := c.km / earthKm
	b := box{lat: angle*180/math.Pi + spare, long: c.long, half: 360}
	rad := math.Pi / 180
	if math.Abs(c.lat)+b.lat < 90 && math.Sin(angle) < math.Cos(c.lat*rad) {
		b.half = math.Asin(math.Sin(angle)/math.Cos(c.lat*rad))/rad + 1e-6
	}
	return b
}

// holds says whether a longitude may lie in the circle; one that is not between
// -180 and 180 may.
func (b box) holds(long float64) bool {
	d := math.Abs(long - b.long)
	return min(d, math.Abs(360-d)) <= b.half || math.Abs(long) > 180
}

// valueDictionary holds values that are not texts, and few or several a document.
type valueDictionary struct {
	values   []value
	postings *columns.Postings
}

func (b *valueDictionary) has() *roaring.Bitmap { return b.postings.All() }
func (b *valueDictionary) cost() int            { return 0 }

func (b *valueDictionary) find(c *condition, _ *roaring.Bitmap) *roaring.Bitmap {
	return b.postings.Of(func(v int) bool { return c.holds(b.values[v]) })
}

func (b *valueDictionary) each(yield func(place uint32, v value)) {
	for i, v := range b.values {
		b.postings.Each(i, func(place uint32) { yield(place, v) })
	}
}

func (b *valueDictionary) count(set *roaring.Bitmap, yield func(v value, n int)) {
	for i, v := range b.values {
		if n := b.postings.CountIn(i, set); n > 0 {
			yield(v, n)
		}
	}
}
