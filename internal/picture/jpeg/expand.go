package jpeg

// expander is how a component's samples become as many as there are pixels.
type expander int

const (
	expandNone expander = iota
	expandCopy          // each sample hx times vx times
	expandH2V1          // triangle filter
	expandH2V2
	expandH1V2
)

// expandRow returns the component's samples for row y of the output, of which
// maxV make a row group.
func (c *component) expandRow(y, my, maxV int) []byte {
	near := y / maxV * c.group
	sub := y % maxV
	near += sub / c.vx
	row := c.sampleRow(near, my)
	switch c.expand {
	case expandNone:
		return row
	case expandCopy:
		replicate(c.row, row[:c.width], c.hx)
	case expandH2V1:
		expandRow2(c.row, row[:c.width])
	default:
		below := sub%2 == 1
		far := near - 1
		if below {
			far = near + 1
		}
		other := c.sampleRow(far, my)[:c.width]
		if c.expand == expandH2V2 {
			expandRows2x2(c.row, row[:c.width], other)
		} else {
			expandRows1x2(c.row, row[:c.width], other, below)
		}
	}
	return c.row
}

// replicate writes each sample of src n times.
func replicate(dst, src []byte, n int) {
	if n == 1 {
		copy(dst, src)
		return
	}
	for i, v := range src {
		for j := range dst[i*n : i*n+n] {
			dst[i*n+j] = v
		}
	}
}

// The filters below weigh the nearer sample 3/4 and the farther 1/4 and round up
// and down at alternate places. len(dst) >= 2*len(src), len(src) > 2.

// expandRow2 doubles a row (libjpeg's h2v1_fancy_upsample).
func expandRow2(dst, src []byte) {
	n := len(src)
	dst[0] = src[0]
	dst[1] = byte((3*uint(src[0]) + uint(src[1]) + 2) >> 2)
	done := 1 + expandRow2Vector(dst[2:], src)
	expandRow2From(dst, src, done)
	dst[2*n-2] = byte((3*uint(src[n-1]) + uint(src[n-2]) + 1) >> 2)
	dst[2*n-1] = src[n-1]
}

// expandRow2From expands the samples from i to the last but one.
func expandRow2From(dst, src []byte, i int) {
	for ; i < len(src)-1; i++ {
		near := 3 * uint(src[i])
		dst[2*i] = byte((near + uint(src[i-1]) + 1) >> 2)
		dst[2*i+1] = byte((near + uint(src[i+1]) + 2) >> 2)
	}
}

// expandRows2x2 makes one row, twice as long, of the nearer and the farther of
// two rows (libjpeg's h2v2_fancy_upsample).
func expandRows2x2(dst, near, far []byte) {
	n := len(near)
	first, last := column(near, far, 0), column(near, far, n-1)
	dst[0] = byte((first*4 + 8) >> 4)
	dst[1] = byte((first*3 + column(near, far, 1) + 7) >> 4)
	done := 1 + expandRows2x2Vector(dst[2:], near, far)
	expandRows2x2From(dst, near, far, done)
	dst[2*n-2] = byte((last*3 + column(near, far, n-2) + 8) >> 4)
	dst[2*n-1] = byte((last*4 + 7) >> 4)
}

// column weighs the samples of two rows at i.
func column(near, far []byte, i int) uint { return 3*uint(near[i]) + uint(far[i]) }

// expandRows2x2From expands the samples from i to the last but one.
func expandRows2x2From(dst, near, far []byte, i int) {
	before, here := column(near, far, i-1), column(near, far, i)
	for ; i < len(near)-1; i++ {
		after := column(near, far, i+1)
		dst[2*i] = byte((here*3 + before + 8) >> 4)
		dst[2*i+1] = byte((here*3 + after + 7) >> 4)
		before, here = here, after
	}
}

// expandRows1x2 makes one row of the nearer and the farther of two rows; below
// says that the farther one is the lower (libjpeg's h1v2_fancy_upsample).
func expandRows1x2(dst, near, far []byte, below bool) {
	bias := uint(1)
	if below {
		bias = 2
	}
	for i := expandRows1x2Vector(dst, near, far, bias); i < len(near); i++ {
		dst[i] = byte((column(near, far, i) + bias) >> 2)
	}
}
