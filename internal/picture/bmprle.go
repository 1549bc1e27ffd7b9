package picture

// rle unpacks run-length-coded bitmaps exactly as Pillow's BmpRleDecoder does,
// with its own ideas of where a row ends.
type rle struct {
	in   []byte // the whole file: padding counts from its start
	at   int
	nib  bool // two pixels a byte
	w, n int  // width, pixels wanted
	x    int
	out  []byte
}

// unpackRLE returns the indices in the order of the file; fewer than w*h if
// the data ends before.
func (b *bmpFile) unpackRLE(w, h int) []byte {
	r := &rle{in: b.data, at: int(b.offset), nib: b.compression == bmpRLE4, w: w, n: w * h}
	for len(r.out) < r.n && r.at+2 <= len(r.in) {
		count, value := int(r.in[r.at]), r.in[r.at+1]
		r.at += 2
		if count > 0 {
			r.run(min(count, max(w-r.x, 0)), value)
		} else if !r.escape(value) {
			break
		}
	}
	return r.out
}

func (r *rle) run(n int, value byte) {
	for i := range n {
		r.out = append(r.out, r.pixel(value, i))
	}
	r.x += n
}

// pixel is the i-th pixel that a byte of the file stands for.
func (r *rle) pixel(value byte, i int) byte {
	if !r.nib {
		return value
	}
	if i%2 == 0 {
		return value >> 4
	}
	return value & 15
}

// escape handles what follows a zero; false means the end.
func (r *rle) escape(code byte) bool {
	switch code {
	case 0: // end of line
		for len(r.out)%r.w != 0 {
			r.out = append(r.out, 0)
		}
		r.x = 0
		return true
	case 1: // end of bitmap
		return false
	case 2:
		return r.delta()
	}
	return r.absolute(int(code))
}

func (r *rle) delta() bool {
	if r.at+2 > len(r.in) {
		return false
	}
	skip := int(r.in[r.at]) + int(r.in[r.at+1])*r.w
	r.at += 2
	r.out = append(r.out, make([]byte, min(skip, r.n-len(r.out)))...)
	r.x = len(r.out) % r.w
	return true
}

func (r *rle) absolute(count int) bool {
	n := min(count, r.n-len(r.out))
	size := n
	if r.nib {
		size = (n + 1) / 2
	}
	if r.at+size > len(r.in) {
		return false
	}
	for i := range n {
		if r.nib {
			r.out = append(r.out, r.pixel(r.in[r.at+i/2], i))
		} else {
			r.out = append(r.out, r.in[r.at+i])
		}
	}
	r.at += size
	r.at += r.at % 2
	r.x += count
	return true
}
