package vector

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
)

// query is a vector made ready to be compared with codes: the part away from its
// anchor, rotated, in bytes.
type query struct {
	vector []float32
	kind   int
	bytes  []int8  // (width)
	scale  float32 // of the bytes
	middle float32 // 7.5 · Σ bytes
	length float64 // of the part away from the anchor
	lost   float64 // of it to the bytes
	lift   float32 // see Codes.lift; 0 for queries from outside
	turn   []float32
	sums   [block]int32
}

// block is how many rows one kernel call scores at most.
const block = 256

func (c *Codes) newQuery() *query {
	return &query{bytes: make([]int8, c.width), turn: make([]float32, c.Dim)}
}

// kind is that of the nearest anchor.
func (c *Codes) kind(v []float32) int {
	best, kind := math.Inf(1), 0
	if len(c.anchors) == 1 {
		return 0
	}
	for k, a := range c.anchors {
		if d := float64(squareDistance(v, a)); d < best {
			best, kind = d, k
		}
	}
	return kind
}

// ready makes q ask for v, a query of a kind.
func (c *Codes) ready(q *query, v []float32, kind int) {
	q.vector, q.kind, q.lift = v, kind, 0
	for i, a := range c.anchors[q.kind] {
		q.turn[i] = v[i] - a
	}
	c.rotation.apply(q.turn)
	q.scale = max(largest(q.turn), 1e-30) / 127
	inv := 1 / q.scale
	sum := int32(0)
	var square, lost float32
	for i, x := range q.turn {
		// Adding so much leaves no bits for fractions: it rounds, and the integer is
		// in the low bits.
		b := int8(math.Float32bits(x*inv + rounder))
		q.bytes[i] = b
		sum += int32(b)
		square += x * x
		d := x - float32(b)*q.scale
		lost += d * d
	}
	q.middle = 7.5 * float32(sum)
	q.length, q.lost = math.Sqrt(float64(square))*(1+1e-5), math.Sqrt(float64(lost))*(1+1e-5)
}

const rounder = 3 << 22

// largest is the largest size of a number of x. Positive floats order as their bits do.
func largest(x []float32) float32 {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&(1<<31-1))
	}
	return math.Float32frombits(top)
}

// like makes q ask for what row id decodes to. Code 0 to 15 becomes byte −15 to 15,
// eight at a time: no byte borrows from the next, since each has its high bit set
// before the subtraction and turned after.
func (c *Codes) like(q *query, id uint32) {
	q.kind, q.lift = 0, 0
	if c.lift != nil {
		q.lift = c.lift[id]
	}
	row := c.codes[int(id)*c.stride() : (int(id)+1)*c.stride()]
	out := unsafe.Slice((*byte)(unsafe.Pointer(&q.bytes[0])), len(q.bytes))
	sum := uint64(0)
	for at := 0; at < len(row); at += 64 {
		low, high, in := out[2*at:2*at+64], out[2*at+64:2*at+128], row[at:at+64]
		counts := uint64(0)
		for j := 0; j+8 <= len(in); j += 8 {
			b := binary.LittleEndian.Uint64(in[j:])
			lo, hi := b&(15*eachByte), b>>4&(15*eachByte)
			counts += lo + hi
			binary.LittleEndian.PutUint64(low[j:], (lo<<1|128*eachByte)-15*eachByte^128*eachByte)
			binary.LittleEndian.PutUint64(high[j:], (hi<<1|128*eachByte)-15*eachByte^128*eachByte)
		}
		sum += (counts&evenBytes + counts>>8&evenBytes) * 0x0001000100010001 >> 48
	}
	clear(q.bytes[c.Dim:])
	q.scale, q.middle = c.sides[id].factor/2, 7.5*float32(2*int(sum)-15*c.Dim)
}

const (
	eachByte  = 0x0101010101010101
	evenBytes = 0x00ff00ff00ff00ff
)

// estimate writes the estimated scores of rows, in units in which the metrics
// agree: the inner product less that with the centre, or half of minus the square
// of the distance plus that of the query's to the centre. ids has at most block
// entries and is readable for simd.FetchAhead more.
func (c *Codes) estimate(q *query, ids []uint32, out []float32) {
	if len(ids) == 0 {
		return
	}
	_ = ids[:len(ids)+simd.FetchAhead]
	c.kernels.Codes(unsafe.Pointer(&c.codes[0]), unsafe.Pointer(&ids[0]), uintptr(len(ids)), unsafe.Pointer(&q.bytes[0]),
		unsafe.Pointer(&q.sums), uintptr(c.stride()), uintptr(c.width/128), unsafe.Pointer(&c.sides[0]))
	for i, id := range ids {
		s := &c.sides[id]
		out[i] = q.scale*s.factor*(float32(q.sums[i])-q.middle) + s.bias[q.kind]
	}
	if q.lift != 0 {
		for i, id := range ids {
			out[i] += q.lift * c.lift[id]
		}
	}
}

// ceiling is what an estimate by like(id) falls short of by half the square of
// the distance between the rows, their lifts included.
func (c *Codes) ceiling(id uint32) float32 { return c.top - c.sides[id].bias[0] }

// bound is what no error of an estimate of the row exceeds, the rounding of
// the exact score included.
func (c *Codes) bound(q *query, id uint32) float32 {
	return float32(q.length)*c.sides[id].err + c.slack(q)
}

// slack is the part of bound that is the same for all rows: what the bytes of the
// query lose, and rounding in float32.
func (c *Codes) slack(q *query) float32 {
	size := norm(q.vector) + c.longest + norm(c.anchors[q.kind])
	return float32(q.lost*c.reach + 8e-6*size*size)
}

// score turns an exact score into the units of estimate.
func (c *Codes) level(q *query) (scale, offset float32) {
	if c.Metric == L2 {
		away := squareDistance(q.vector, c.centre)
		return 0.5, away / 2
	}
	return 1, -float32(inner(q.vector, c.centre))
}
