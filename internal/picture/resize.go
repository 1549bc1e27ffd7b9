package picture

import "fmt"

// Resize resamples the whole picture to w x h, bit for bit as Pillow's
// Image.resize does: a horizontal pass and then a vertical one, each rounded
// and clipped to 8 bits, each left out where the size does not change. It
// panics if w or h is under 1.
func (p *RGB) Resize(w, h int, f Filter) *RGB {
	return p.ResizeCrop(w, h, 0, 0, w, h, f)
}

// ResizeCrop equals Resize(w, h, f).Crop(x, y, cw, ch) but computes only the
// window, so its cost depends on the picture and the window, not on w and h.
func (p *RGB) ResizeCrop(w, h, x, y, cw, ch int, f Filter) *RGB {
	if w < 1 || h < 1 || cw < 0 || ch < 0 || f < Nearest || f > Lanczos {
		panic(fmt.Sprintf("picture: resize of %dx%d to %dx%d, window %dx%d, filter %v", p.W, p.H, w, h, cw, ch, f))
	}
	if w == p.W && h == p.H {
		return p.Crop(x, y, cw, ch)
	}
	x0, x1 := clampWindow(x, cw, w)
	y0, y1 := clampWindow(y, ch, h)
	if x0 >= x1 || y0 >= y1 {
		return NewRGB(cw, ch)
	}
	in := resample{src: p, w: w, h: h, x0: x0, x1: x1, y0: y0, y1: y1, filter: f}
	out := NewRGB(x1-x0, y1-y0)
	in.run(out)
	return out.Crop(x-x0, y-y0, cw, ch)
}

// clampWindow is the part of [at, at+n) that lies in [0, size).
func clampWindow(at, n, size int) (lo, hi int) {
	return min(max(at, 0), size), min(max(at+n, 0), size)
}

// resample is one resampling of src to w x h, of which the window
// [x0, x1) x [y0, y1) is wanted.
type resample struct {
	src            *RGB
	w, h           int
	x0, x1, y0, y1 int
	filter         Filter
}

func (r *resample) run(out *RGB) {
	switch {
	case r.filter == Nearest:
		r.nearest(out)
	case r.w == r.src.W:
		r.vertical(out)
	case r.h == r.src.H:
		r.horizontal(out)
	case r.verticalFirst():
		r.bothVerticalFirst(out)
	default:
		r.both(out)
	}
}

func (r *resample) horizontalTable() *table {
	return tableFor(axis{in: r.src.W, out: r.w, lo: r.x0, hi: r.x1, filter: r.filter})
}

func (r *resample) verticalTable() *table {
	return tableFor(axis{in: r.src.H, out: r.h, lo: r.y0, hi: r.y1, filter: r.filter, vertical: true})
}

// vertical resamples rows straight from the picture.
func (r *resample) vertical(out *RGB) {
	t, stride := r.verticalTable(), 3*r.src.W
	for i, s := range t.start {
		sumRows(out.row(i), r.src.Pix[int(s)*stride+3*r.x0:], stride, t, i)
	}
}

// horizontal resamples each row of the window on its own.
func (r *resample) horizontal(out *RGB) {
	b := newBand(r, 2)
	for y := r.y0; y < r.y1; y++ {
		b.need(y, y+1, r.y1)
		copy(out.row(y-r.y0), b.rows(y))
	}
}

// both runs the horizontal pass just ahead of the vertical one, so that the
// rows in between stay in the first-level cache.
func (r *resample) both(out *RGB) {
	t := r.verticalTable()
	last := int(t.start[len(t.start)-1]) + t.taps
	b := newBand(r, t.taps+8)
	for i, s := range t.start {
		b.need(int(s), int(s)+t.taps, last)
		sumRows(out.row(i), b.rows(int(s)), b.stride, t, i)
	}
}

// verticalFirst says whether the vertical pass goes first, which changes what
// is rounded: Pillow 13 does so when the height shrinks by more than twice what
// the width does.
func (r *resample) verticalFirst() bool {
	shrunk := r.src.H - r.h
	return shrunk > 0 && shrunk > 2*(r.src.W-r.w)
}

// bothVerticalFirst makes two rows at a time of the columns that the window
// needs, and then their pixels.
func (r *resample) bothVerticalFirst(out *RGB) {
	v, h := r.verticalTable(), r.horizontalTable()
	stride := 3 * r.src.W
	c0, c1 := 3*int(h.start[0]), 3*(int(h.start[len(h.start)-1])+h.taps)
	narrow := make([]byte, 2*(stride+16))
	between := [2][]byte{narrow[:stride], narrow[stride+16:][:stride]}
	row := make([]byte, 2*(3*out.W+16))
	done := [2][]byte{row, row[3*out.W+16:]}
	for i := 0; i < out.H; i += 2 {
		n := min(2, out.H-i)
		for j := range n {
			from := r.src.Pix[int(v.start[i+j])*stride+c0:]
			sumRows(between[j][c0:c1], from, stride, v, i+j)
		}
		sumColumns(done[0], done[1], between[0], between[1], h)
		for j := range n {
			copy(out.row(i+j), done[j])
		}
	}
}

// band is a run of rows of the picture after the horizontal pass.
type band struct {
	src    *RGB
	table  *table
	width  int    // bytes of a row
	stride int    // bytes from row to row: the kernel writes a byte over the end
	buf    []byte // (capacity, stride)
	edge   []byte // the picture's last row with room for the kernel's reads
	first  int    // the source row that buf starts with
	have   int    // rows done
	room   int    // rows that buf holds
}

func newBand(r *resample, room int) *band {
	b := &band{src: r.src, table: r.horizontalTable(), width: 3 * (r.x1 - r.x0), room: room}
	b.stride = (b.width + 1 + 31) &^ 31
	// One row more takes what the kernel makes of a row without a pair.
	b.buf = make([]byte, (room+1)*b.stride)
	return b
}

// rows returns the band from source row y on.
func (b *band) rows(y int) []byte {
	return b.buf[(y-b.first)*b.stride : b.room*b.stride][:(b.have+b.first-y-1)*b.stride+b.width]
}

// need makes rows lo to hi present; no row from last on is ever asked for. lo
// never falls.
func (b *band) need(lo, hi, last int) {
	if hi > b.first+b.room || b.have == 0 {
		keep := max(b.first+b.have-lo, 0)
		if b.have > 0 && keep > 0 {
			copy(b.buf, b.buf[(lo-b.first)*b.stride:][:keep*b.stride])
		}
		b.first, b.have = lo, min(keep, b.have)
	}
	for b.first+b.have < hi {
		n := min(2, last-b.first-b.have, b.room-b.have)
		b.fill(n)
		b.have += n
	}
}

// fill runs the horizontal pass over the next n rows, 1 or 2.
func (b *band) fill(n int) {
	dst := b.buf[b.have*b.stride:]
	y := b.first + b.have
	sumColumns(dst, dst[b.stride:], b.source(y), b.source(y+n-1), b.table)
}

// source is row y of the picture. The kernel reads four bytes over a row's
// end, so the last row is a copy.
func (b *band) source(y int) []byte {
	row := b.src.row(y)
	if y < b.src.H-1 {
		return row
	}
	if b.edge == nil {
		b.edge = append(make([]byte, 0, len(row)+16), row...)
	}
	return b.edge
}

// nearest is ImagingScaleAffine of Pillow's Geometry.c. Positions are summed
// up, not multiplied, because Pillow does so.
func (r *resample) nearest(out *RGB) {
	xs := positions(r.src.W, r.w, r.x0, r.x1)
	ys := positions(r.src.H, r.h, r.y0, r.y1)
	for i, y := range ys {
		src, dst := r.src.row(y), out.row(i)
		for j, x := range xs {
			copy(dst[3*j:3*j+3], src[3*x:3*x+3])
		}
	}
}

func positions(in, out, lo, hi int) []int {
	step := float64(in) / float64(out)
	at := float64(step * 0.5)
	for range lo {
		at += step
	}
	p := make([]int, hi-lo)
	for i := range p {
		// Summing may run a hair over the end, where Pillow leaves a pixel
		// black; no size of a picture gets there.
		p[i] = min(int(at), in-1)
		at += step
	}
	return p
}
