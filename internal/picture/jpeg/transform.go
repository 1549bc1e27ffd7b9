package jpeg

import "encoding/binary"

// idctQueue turns blocks of coefficients into samples of a band. They are
// transformed two at a time, as the vector kernels do them; up to two wait here.
type idctQueue struct {
	size int // of the blocks' samples, 8, 4 or 2
	blk  [2][64]int16
	c    [2]*component
	at   [2]int
	n    int
}

// queueBlocks gives each component the queue for its block size and returns them.
func (f *frame) queueBlocks() []*idctQueue {
	var all []*idctQueue
	for i := range f.comps {
		c := &f.comps[i]
		for _, q := range all {
			if q.size == c.size {
				c.queue = q
			}
		}
		if c.queue == nil {
			c.queue = &idctQueue{size: c.size}
			all = append(all, c.queue)
		}
	}
	return all
}

// block returns the zero block to decode the next coefficients into.
func (q *idctQueue) block() *[64]int16 { return &q.blk[q.n] }

// transform sends the block that block returned to c.band[at:].
func (q *idctQueue) transform(c *component, at int) {
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
	if q.n == 1 {
		transformOne(&q.blk[0], q.c[0], q.at[0])
	} else {
		transformTwo(&q.blk[0], &q.blk[1], q.c[0], q.c[1], q.at[0], q.at[1])
	}
	q.blk = [2][64]int16{}
	q.n = 0
}

// transformTwo transforms two blocks of components of one block size.
func transformTwo(blkA, blkB *[64]int16, a, b *component, atA, atB int) {
	dstA, dstB := a.tile(atA), b.tile(atB)
	switch a.size {
	case 8:
		idct8Pair(blkA, blkB, a.quant, b.quant, dstA, dstB, a.stride, b.stride)
	case 4:
		idct4Pair(blkA, blkB, a.quant, b.quant, dstA, dstB, a.stride, b.stride)
	case 2:
		idct2Pair(blkA, blkB, a.quant, b.quant, dstA, dstB, a.stride, b.stride)
	default:
		dstA[0], dstB[0] = flatSample(blkA[0], a.quant[0]), flatSample(blkB[0], b.quant[0])
	}
}

// transformOne transforms a block without a partner.
func transformOne(blk *[64]int16, c *component, at int) {
	var pad [64]byte
	switch dst := c.tile(at); c.size {
	case 8:
		idct8Pair(blk, blk, c.quant, c.quant, dst, pad[:], c.stride, 8)
	case 4:
		idct4Pair(blk, blk, c.quant, c.quant, dst, pad[:], c.stride, 4)
	case 2:
		idct2Pair(blk, blk, c.quant, c.quant, dst, pad[:], c.stride, 2)
	default:
		dst[0] = flatSample(blk[0], c.quant[0])
	}
}

// tile is the part of the band that the block at offset at covers.
func (c *component) tile(at int) []byte {
	return c.band[at : at+(c.size-1)*c.stride+c.size]
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

// flatSample is the sample value of a block with only a DC coefficient. Both
// products wrap at 16 bits, as in libjpeg-turbo's vector code.
func flatSample(dc, quant int16) byte {
	return clampCentre(descale(int32(dc*quant<<passBits), passBits+3))
}
