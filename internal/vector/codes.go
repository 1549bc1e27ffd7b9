package vector

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
)

// Codes holds vectors as 4-bit codes: x ≈ centre + R⁻¹·f·(code − 7.5), with R a
// random rotation and f a factor a vector that makes the estimate of an inner
// product with a near vector unbiased (RaBitQ's correction, arXiv 2405.12497).
// What a query shares with its anchor, the mean of queries of its kind, is not left
// to the codes: that part of the score is stored a vector.
//
// A Codes may be read by many at a time, or changed by one.
type Codes struct {
	Options
	kernels  *simd.Kernels
	rotation rotation
	width    int         // codes a row, a multiple of 128
	centre   []float32   // (dim)
	anchors  [][]float32 // (kinds, dim): the mean of each kind of query; the first is the centre
	reach    float64     // the longest decoded vector
	longest  float64     // the longest vector, for the bounds of rounding
	n        int

	// lift is a coordinate that makes all rows equally long, so that the nearest by
	// distance are the best by inner product; nil if they are equally long as they
	// are. radius is that length.
	lift   []float32
	radius float32
	top    float32 // see ceiling

	codeMem, sideMem *memory
	codes            []byte // (n, width/2)
	sides            []side // (n)
}

// Options say what a Codes is for.
type Options struct {
	Dim    int // length of every vector, 1 to 16384
	Metric Metric
	Seed   uint64 // of the rotation
}

// side is what goes with a row of codes, 16 bytes.
type side struct {
	factor float32
	bias   [kinds]float32 // the part of the score that a kind's anchor decides
	err    float32        // at least |x − decoded x|
}

// kinds is how many kinds of query have an anchor of their own: queries that lie
// among the vectors, such as pictures among pictures, and those that lie elsewhere,
// such as texts.
const kinds = 2

const (
	maxDim  = 1 << 14
	maxRows = 1 << 31
)

// NewCodes returns empty codes around the centre, which is the mean of the vectors
// to come, or of a sample. capacity is how many rows to make room for.
func NewCodes(o Options, centre []float32, capacity int) (*Codes, error) {
	if o.Dim < 1 || o.Dim > maxDim || len(centre) != o.Dim || o.Metric > L2 {
		return nil, fmt.Errorf("vector: %d dimensions, a centre of %d, metric %d; give 1 to %d of both and Dot or L2", o.Dim, len(centre), o.Metric, maxDim)
	}
	k, err := simd.Best()
	if err != nil {
		return nil, err
	}
	c := &Codes{Options: o, kernels: k, rotation: newRotation(o.Dim, o.Seed), width: (o.Dim + 127) / 128 * 128}
	c.centre = append(c.centre, centre...)
	c.anchors = [][]float32{c.centre}
	return c, c.reserve(capacity)
}

// Len is the number of rows.
func (c *Codes) Len() int { return c.n }

// Bytes is the memory that the codes take.
func (c *Codes) Bytes() int { return c.n * (c.stride() + int(unsafe.Sizeof(side{}))) }

func (c *Codes) stride() int { return c.width / 2 }

func (c *Codes) reserve(n int) error {
	if n > maxRows {
		return fmt.Errorf("vector: %d rows; at most %d", n, maxRows)
	}
	var err error
	if c.codeMem, err = c.codeMem.grow(c.n*c.stride(), n*c.stride()); err != nil {
		return err
	}
	if c.sideMem, err = c.sideMem.grow(c.n*16, n*16); err != nil {
		return err
	}
	c.codes, c.sides = c.codeMem.bytes, view[side](c.sideMem.bytes)
	return nil
}

// Append encodes the rows with ids from Len to n.
func (c *Codes) Append(rows Rows, n, workers int) error {
	if n <= c.n {
		return nil
	}
	if err := c.reserve(n); err != nil {
		return err
	}
	c.accept(c.encode(rows, n, workers))
	return nil
}

// lengths is what encoding rows found out beside their codes.
type lengths struct {
	extent
	norms []float32 // a row
}

// encode encodes the rows from Len to n, for which there is room; accept makes them
// part of c. Until then c is only read.
func (c *Codes) encode(rows Rows, n, workers int) lengths {
	ranges := make([]extent, max(workers, 1))
	out := lengths{norms: make([]float32, n-c.n)}
	share(c.n, n, workers, func(w, from, to int) {
		e := newEncoder(c)
		for id := from; id < to; id++ {
			e.encode(rows.Row(uint32(id)), id)
			out.norms[id-c.n] = float32(norm(rows.Row(uint32(id))))
		}
		ranges[w] = e.extent
	})
	for _, r := range ranges {
		out.reach, out.longest = max(out.reach, r.reach), max(out.longest, r.longest)
	}
	return out
}

func (c *Codes) accept(e lengths) {
	c.reach, c.longest = max(c.reach, e.reach), max(c.longest, e.longest)
	c.raise(e.norms)
	c.n += len(e.norms)
}

// row is the codes of a row.
func (c *Codes) row(id uint32) []byte { return c.codes[int(id)*c.stride() : (int(id)+1)*c.stride()] }

// raise gives the new rows their lifts.
func (c *Codes) raise(norms []float32) {
	if c.Metric != Dot {
		return
	}
	if c.n == 0 {
		c.radius = slices.Max(norms)
		c.top = c.radius*c.radius - float32(inner(c.centre, c.centre))
	}
	uneven := func(x float32) bool { return math.Abs(float64(x-c.radius)) > 1e-3*float64(c.radius) }
	if c.lift == nil && !slices.ContainsFunc(norms, uneven) {
		return
	}
	c.lift = append(c.lift, make([]float32, c.n-len(c.lift))...)
	for _, x := range norms {
		c.lift = append(c.lift, float32(math.Sqrt(max(0, float64(c.radius*c.radius-x*x)))))
	}
}

type extent struct{ reach, longest float64 }

// encoder turns vectors into codes.
type encoder struct {
	*Codes
	extent
	away []float32 // the vector from the centre
	turn []float32 // the same, rotated
	best []uint8   // the codes of the best step
	code []uint8
}

func newEncoder(c *Codes) *encoder {
	return &encoder{Codes: c, away: make([]float32, c.Dim), turn: make([]float32, c.Dim), best: make([]uint8, c.width), code: make([]uint8, c.width)}
}

// steps are the step sizes tried for each vector, in standard deviations of its
// coordinates. Normal coordinates lose least with 0.335.
var steps = [...]float32{0.29, 0.335, 0.38}

func (e *encoder) encode(x []float32, id int) {
	for i, v := range x {
		e.away[i] = v - e.centre[i]
	}
	copy(e.turn, e.away)
	e.rotation.apply(e.turn)
	length := norm(e.turn)
	s := side{}
	e.extent.longest = max(e.extent.longest, norm(x))
	if length > 0 {
		s = e.choose(length)
	}
	e.pack(id)
	e.bias(&s, length)
	e.sides[id] = s
}

// choose tries the steps and keeps the codes that point most nearly along the
// vector.
func (e *encoder) choose(length float64) side {
	top := -1.0
	var along, square float64
	for _, step := range steps {
		a, b := e.round(step * float32(length/math.Sqrt(float64(e.Dim))))
		if cos := a / math.Sqrt(b); cos > top {
			top, along, square = cos, a, b
			e.best, e.code = e.code, e.best
		}
	}
	f := length * length / along
	e.extent.reach = max(e.extent.reach, f*math.Sqrt(square))
	lost := length*length - 2*f*along + f*f*square
	return side{factor: float32(f), err: float32(math.Sqrt(max(lost, 0))*(1+1e-6) + 1e-6*length)}
}

// round codes the vector with a step; it returns code·vector and |code|², with
// codes taken around their middle.
func (e *encoder) round(step float32) (along, square float64) {
	var a, b float32
	inv := 1 / step
	for i, v := range e.turn {
		t := min(max(v*inv+8, 0), 15)
		u := uint8(t)
		e.code[i] = u
		m := float32(u) - 7.5
		a += m * v
		b += m * m
	}
	return float64(a), float64(b)
}

// pack lays out codes as simd.Lists.Codes reads them.
func (e *encoder) pack(id int) {
	row := e.codes[id*e.stride() : (id+1)*e.stride()]
	for at := 0; at < len(row); at += 64 {
		low, high := e.best[2*at:2*at+64], e.best[2*at+64:2*at+128]
		for j := range 64 {
			row[at+j] = low[j] | high[j]<<4
		}
	}
}

// bias fills in what the anchors decide of a row's score.
func (e *encoder) bias(s *side, length float64) {
	for k, a := range e.anchors {
		if e.Metric == L2 {
			s.bias[k] = float32(inner(a, e.away) - inner(e.centre, e.away) - length*length/2)
		} else {
			s.bias[k] = float32(inner(a, e.away))
		}
	}
}

// Anchor tells the codes the mean of queries that do not lie among the vectors, such
// as texts among pictures; it reads every row again.
func (c *Codes) Anchor(mean []float32, rows Rows, workers int) error {
	next, err := c.anchored(mean, rows, workers)
	if err == nil {
		c.adopt(&next)
	}
	return err
}

// adopt takes over the memory and the anchors of a copy of c.
func (c *Codes) adopt(next *Codes) {
	c.codeMem, c.sideMem, c.codes, c.sides, c.anchors = next.codeMem, next.sideMem, next.codes, next.sides, next.anchors
}

// anchored returns c with another anchor; c is only read.
func (c *Codes) anchored(mean []float32, rows Rows, workers int) (Codes, error) {
	if len(mean) != c.Dim {
		return *c, fmt.Errorf("vector: an anchor of %d dimensions, want %d", len(mean), c.Dim)
	}
	next := *c
	var err error
	if next.sideMem, err = allocate(len(c.sideMem.bytes)); err != nil {
		return *c, err
	}
	next.sides = view[side](next.sideMem.bytes)
	next.anchors = [][]float32{c.centre, append([]float32(nil), mean...)}
	share(0, c.n, workers, func(_, from, to int) {
		e := newEncoder(&next)
		for id := from; id < to; id++ {
			for i, v := range rows.Row(uint32(id)) {
				e.away[i] = v - c.centre[i]
			}
			next.sides[id] = c.sides[id]
			e.bias(&next.sides[id], norm(e.away))
		}
	})
	return next, nil
}
