package jpeg

import "fmt"

// frame is the picture's geometry: components, blocks and MCUs (minimum coded
// units: the blocks of all components for one patch of the picture).
type frame struct {
	width, height int
	progressive   bool
	comps         []component
	maxH, maxV    int
	mcusX, mcusY  int

	// Output, from setOutput.
	size                int // samples along a block's side of the least scaled component
	outWidth, outHeight int
	context             bool // some component needs the rows above and below
}

// component is one colour plane.
type component struct {
	id      byte
	h, v    int // sampling factors: blocks of an MCU
	quantID byte
	quant   *[64]int16 // as of the component's first scan

	blocksX, blocksY int // that hold picture, without MCU padding
	strideX, strideY int // with MCU padding
	coefs            [][64]int16

	// Output, from setOutput.
	size          int // samples along a block's side after the inverse DCT
	width, height int // in samples
	group         int // rows of a row group, which becomes maxV rows of output
	expand        expander
	hx, vx        int    // expansion factors
	band          []byte // (2*group + v*size, stride): two row groups of the band before, then this band
	stride        int
	row           []byte     // one expanded row
	queue         *idctQueue // where the blocks of the component wait
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// measure derives the block geometry. A single component is coded block by
// block whatever its factors, so they are set to 1.
func (f *frame) measure() {
	if len(f.comps) == 1 {
		f.comps[0].h, f.comps[0].v = 1, 1
	}
	f.maxH, f.maxV = 1, 1
	for i := range f.comps {
		f.maxH, f.maxV = max(f.maxH, f.comps[i].h), max(f.maxV, f.comps[i].v)
	}
	f.mcusX, f.mcusY = ceilDiv(f.width, 8*f.maxH), ceilDiv(f.height, 8*f.maxV)
	for i := range f.comps {
		c := &f.comps[i]
		c.blocksX = ceilDiv(f.width*c.h, 8*f.maxH)
		c.blocksY = ceilDiv(f.height*c.v, 8*f.maxV)
		c.strideX, c.strideY = f.mcusX*c.h, f.mcusY*c.v
	}
}

// blocks is the number of coded blocks.
func (f *frame) blocks() int {
	n := 0
	for i := range f.comps {
		n += f.comps[i].blocksX * f.comps[i].blocksY
	}
	return n
}

// plausible refuses sizes that the file is too short for: every block takes at
// least one bit. So a few hostile bytes cannot ask for gigabytes.
func (d *decoder) plausible() error {
	if n := d.frame.blocks(); n/8 > len(d.data) {
		return fmt.Errorf("jpeg: %w: %d bytes cannot hold %dx%d pixels",
			ErrTruncated, len(d.data), d.frame.width, d.frame.height)
	}
	return nil
}

// blockSize turns a scale into the side of a transformed block.
func blockSize(scale int) (int, error) {
	switch scale {
	case 0:
		return 8, nil
	case 1, 2, 4, 8:
		return 8 / scale, nil
	}
	return 0, fmt.Errorf("jpeg: scale %d is none of 1, 2, 4, 8", scale)
}

// setOutput chooses, for blocks of size samples, each component's transform and
// expansion as libjpeg does (jdmaster.c, jdsample.c): a subsampled component is
// transformed at a larger size where that saves expanding it.
func (f *frame) setOutput(size int) error {
	f.size = size
	f.outWidth, f.outHeight = ceilDiv(f.width*size, 8), ceilDiv(f.height*size, 8)
	for i := range f.comps {
		c := &f.comps[i]
		c.size = size
		for c.size < 8 && f.maxH*size%(c.h*c.size*2) == 0 && f.maxV*size%(c.v*c.size*2) == 0 {
			c.size *= 2
		}
		c.width = ceilDiv(f.width*c.h*c.size, 8*f.maxH)
		c.height = ceilDiv(f.height*c.v*c.size, 8*f.maxV)
		if err := f.setExpander(c); err != nil {
			return err
		}
	}
	return nil
}

func (f *frame) setExpander(c *component) error {
	in, rows := c.h*c.size/f.size, c.v*c.size/f.size
	if f.maxH%in != 0 || f.maxV%rows != 0 {
		return fmt.Errorf("jpeg: sampling factors %dx%d of %dx%d are not a whole ratio", c.h, c.v, f.maxH, f.maxV)
	}
	c.group, c.hx, c.vx = rows, f.maxH/in, f.maxV/rows
	smooth := f.size > 1
	switch {
	case c.hx == 1 && c.vx == 1:
		c.expand = expandNone
	case c.hx == 2 && c.vx == 1 && smooth && c.width > 2:
		c.expand = expandH2V1
	case c.hx == 2 && c.vx == 2 && smooth && c.width > 2:
		c.expand = expandH2V2
	case c.hx == 1 && c.vx == 2 && smooth:
		c.expand = expandH1V2
	default:
		c.expand = expandCopy
	}
	f.context = f.context || c.expand == expandH2V2 || c.expand == expandH1V2
	return nil
}

// allocate makes the bands and row buffers of the output side.
func (f *frame) allocate() {
	for i := range f.comps {
		c := &f.comps[i]
		c.stride = c.strideX * c.size
		c.band = make([]byte, (2*c.group+c.v*c.size)*c.stride)
		if c.expand != expandNone {
			c.row = make([]byte, c.width*c.hx)
		}
	}
}
