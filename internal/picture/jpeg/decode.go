package jpeg

import "errors"

// ErrTruncated is wrapped by errors about files that end too early.
var ErrTruncated = errors.New("the file is truncated")

// Options of Decode; the zero value decodes at full size.
type Options struct {
	// Scale decodes at 1/Scale of the size: 1, 2, 4 or 8. 0 means 1.
	Scale int
}

// Image holds the decoded samples.
type Image struct {
	// Width and Height in pixels: the file's, divided by the scale and rounded up.
	Width, Height int
	// Components is 1 for grey, 3 for RGB, 4 for CMYK as Pillow's mode CMYK has it
	// (0 is no ink).
	Components int
	Pix        []byte // (Height, Width, Components)
}

// Decode decodes the JPEG file in data. Files that end early are an error that
// wraps ErrTruncated; damage inside the coded data is decoded as libjpeg decodes
// it, which shows as wrong or grey blocks.
func Decode(data []byte, opt Options) (*Image, error) {
	size, err := blockSize(opt.Scale)
	if err != nil {
		return nil, err
	}
	d := &decoder{data: data}
	if err := d.readToScan(); err != nil {
		return nil, err
	}
	if err := d.plausible(); err != nil {
		return nil, err
	}
	if err := d.frame.setOutput(size); err != nil {
		return nil, err
	}
	return d.decode()
}

func (d *decoder) decode() (*Image, error) {
	out := newOutput(&d.frame, d.colour())
	if d.frame.progressive || d.scan.n < len(d.frame.comps) {
		if err := d.decodeScans(out); err != nil {
			return nil, err
		}
		return out.img, nil
	}
	if err := d.decodeOnePass(out); err != nil {
		return nil, err
	}
	return out.img, nil
}
