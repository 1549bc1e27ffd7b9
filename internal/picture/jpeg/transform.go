package jpeg

import "encoding/binary"

// idctQueue turns blocks of coefficients into samples of a band. Blocks of full
// size are transformed two at a time, as the vector kernel does them; up to two
// wait here.
type idctQueue struct {
	blk [2][64]int16
	c   [2]*component
	at  [2]int
	n   int
	pad [64]byte // where a missing second block goes
}

// block returns the zero block to decode the next coefficients into.
func (q *idctQueue) block() *[64]int16 { return &q.blk[q.n] }

// transform sends the block that block returned to c.band[at:].
func (q *idctQueue) transform(c *component, at int) {
	if c.size != 8 {
		idctSmall(&q.blk[q.n], c, at)
		q.blk[q.n] = [64]int16{}
		return
	}
	q.c[q.n], q.at[q.n] = c, at
	q.n++
	if q.n == 2 {
		q.flush()
	}
}

// flush transforms the waiting blocks.
func (q *idctQueue) flush() {
	if q.n == 0 {
		return
	}
	a, b := q.c[0], q.c[0]
	dstB, strideB := q.pad[:], 8
	if q.n == 2 {
		b = q.c[1]
		dstB, strideB = b.tile(q.at[1]), b.stride
	}
	idctPair(&q.blk[0], &q.blk[1], a.quant, b.quant, a.tile(q.at[0]), dstB, a.stride, strideB)
	q.blk = [2][64]int16{}
	q.n = 0
}

// tile is the part of the band that a block of full size at offset at covers.
func (c *component) tile(at int) []byte {
	return c.band[at : at+7*c.stride+8]
}

// flat fills the block at c.band[at:] with its DC coefficient's value.
func (c *component) flat(at int, dc int16) {
	v := flatSample(dc, c.quant[0])
	if c.size == 8 {
		wide := uint64(v) * 0x0101010101010101
		for y := range 8 {
			binary.LittleEndian.PutUint64(c.band[at+y*c.stride:], wide)
		}
		return
	}
	for range c.size {
		row := c.band[at : at+c.size]
		for i := range row {
			row[i] = v
		}
		at += c.stride
	}
}

// flatSample is the sample value of a block with only a DC coefficient.
func flatSample(dc, quant int16) byte {
	return clampCentre(descale(int32(dc*quant)<<passBits, passBits+3))
}
