package jpeg

// colour is how a file codes colour.
type colour int

const (
	grey colour = iota
	ycc         // to RGB
	rgb
	cmyk // stored inverted, as Adobe writes it and Pillow assumes
	ycck // the same in YCbCr and black
)

// colour guesses as libjpeg does (default_decompress_parms): a JFIF marker means
// YCbCr, else the Adobe marker says, else the component ids do.
func (d *decoder) colour() colour {
	c := d.frame.comps
	switch {
	case len(c) == 1:
		return grey
	case len(c) == 4 && d.adobe > 0:
		return ycck
	case len(c) == 4:
		return cmyk
	case !d.jfif && (d.adobe == 0 || d.adobe < 0 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'):
		return rgb
	}
	return ycc
}

// output makes rows of pixels of the components' bands.
type output struct {
	f      *frame
	colour colour
	img    *Image
	rows   [4][]byte
}

func newOutput(f *frame, c colour) *output {
	f.allocate()
	n := len(f.comps)
	img := &Image{Width: f.outWidth, Height: f.outHeight, Components: n}
	img.Pix = make([]byte, img.Width*img.Height*n)
	return &output{f: f, colour: c, img: img}
}

// emit writes the rows of pixels that band my, and the rows kept of the band
// before, suffice for. With context that is one row group late: the last group
// waits for the first row of the next band.
func (o *output) emit(my int) {
	f := o.f
	from, to := my*f.size, (my+1)*f.size // in row groups
	if f.context {
		from, to = max(0, from-1), to-1
	}
	if my == f.mcusY-1 {
		to = (my + 1) * f.size
	}
	for y := from * f.maxV; y < min(to*f.maxV, o.img.Height); y++ {
		for i := range f.comps {
			o.rows[i] = f.comps[i].expandRow(y, my, f.maxV)
		}
		o.convert(y)
	}
	if f.context {
		for i := range f.comps {
			f.comps[i].keepRows()
		}
	}
}

// keepRows moves the band's last two row groups in front of the next band.
func (c *component) keepRows() {
	n := 2 * c.group * c.stride
	copy(c.band[:n], c.band[c.v*c.size*c.stride:])
}

// sampleRow is row y of the component while band my is the current one; rows
// beyond the picture repeat its first and last.
func (c *component) sampleRow(y, my int) []byte {
	y = max(0, min(y, c.height-1))
	at := (y - my*c.v*c.size + 2*c.group) * c.stride
	return c.band[at:]
}

// convert writes row y of pixels of the expanded rows.
func (o *output) convert(y int) {
	w, n := o.img.Width, o.img.Components
	dst := o.img.Pix[y*w*n : (y+1)*w*n]
	r := &o.rows
	switch o.colour {
	case grey:
		copy(dst, r[0])
	case ycc:
		yccToRGB(dst, r[0][:w], r[1][:w], r[2][:w])
	case rgb:
		interleave3(dst, r[0][:w], r[1][:w], r[2][:w])
	case cmyk:
		invert4(dst, r[0][:w], r[1][:w], r[2][:w], r[3][:w])
	case ycck:
		ycckToCMYK(dst, r[0][:w], r[1][:w], r[2][:w], r[3][:w])
	}
}
