package jpeg

import (
	"encoding/binary"
	"fmt"
)

// Header is what a file's frame header says.
type Header struct {
	Width, Height int // in pixels
	Components    int // 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK
	Progressive   bool
	Adobe         int // transform of an Adobe marker in front of the frame header, or -1
}

// ReadHeader reads up to the frame header and allocates nothing that grows with
// the image. It refuses the kinds of JPEG that Decode cannot read.
func ReadHeader(data []byte) (Header, error) {
	d := decoder{data: data}
	if err := d.start(); err != nil {
		return Header{}, err
	}
	m, seg, err := d.readTo(func(m byte) bool { return isFrame(m) || m == mSOS })
	if err == nil && !isFrame(m) {
		err = fmt.Errorf("jpeg: the file has no frame header")
	}
	if err != nil {
		return Header{}, err
	}
	if err := d.readFrame(m, seg); err != nil {
		return Header{}, err
	}
	f := &d.frame
	return Header{f.width, f.height, len(f.comps), f.progressive, d.adobe}, nil
}

var codingNames = map[byte]string{
	0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
	0xC9: "arithmetic", 0xCA: "arithmetic", 0xCB: "lossless arithmetic",
	0xCD: "hierarchical arithmetic", 0xCE: "hierarchical arithmetic", 0xCF: "hierarchical arithmetic",
}

func (d *decoder) readFrame(m byte, seg []byte) error {
	if d.haveSOF {
		return fmt.Errorf("jpeg: a second frame header")
	}
	if name, bad := codingNames[m]; bad {
		return fmt.Errorf("jpeg: %s coding is not supported; convert the file to baseline or progressive", name)
	}
	if len(seg) < 6 {
		return fmt.Errorf("jpeg: a frame header of %d bytes", len(seg))
	}
	if seg[0] != 8 {
		return fmt.Errorf("jpeg: samples of %d bits are not supported, only 8", seg[0])
	}
	f := &d.frame
	f.progressive = m == mSOF2
	f.height = int(binary.BigEndian.Uint16(seg[1:]))
	f.width = int(binary.BigEndian.Uint16(seg[3:]))
	if f.width == 0 || f.height == 0 {
		return fmt.Errorf("jpeg: the frame header says %dx%d pixels", f.width, f.height)
	}
	d.haveSOF = true
	return f.readComponents(seg[5:])
}

// readComponents parses the count and the list of components.
func (f *frame) readComponents(b []byte) error {
	n := int(b[0])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("jpeg: %d components are not supported, only 1, 3 and 4", n)
	}
	if len(b) != 1+3*n {
		return fmt.Errorf("jpeg: a frame header with %d bytes for %d components", len(b)-1, n)
	}
	f.comps = make([]component, n)
	for i := range f.comps {
		c := &f.comps[i]
		c.id, c.h, c.v, c.quantID = b[1+3*i], int(b[2+3*i]>>4), int(b[2+3*i]&15), b[3+3*i]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return fmt.Errorf("jpeg: component %d has sampling factors %dx%d", c.id, c.h, c.v)
		}
	}
	f.measure()
	return nil
}
