package jpeg

import (
	"encoding/binary"
	"fmt"
)

// Marker codes, the byte after 0xFF (ITU-T T.81 table B.1).
const (
	mSOF0  = 0xC0
	mSOF2  = 0xC2
	mDHT   = 0xC4
	mJPG   = 0xC8
	mSOF15 = 0xCF
	mDAC   = 0xCC
	mRST0  = 0xD0
	mRST7  = 0xD7
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mDQT   = 0xDB
	mDRI   = 0xDD
	mAPP0  = 0xE0
	mAPP14 = 0xEE
	mTEM   = 0x01
)

// decoder is the state of one file being read: the position, the tables that
// markers define, and the frame.
type decoder struct {
	data []byte
	pos  int // of the next byte to read

	quant     [4]*[64]int16 // natural order
	dc, ac    [4]*huffTable
	restart   int // MCUs between restart markers, 0 for none
	jfif      bool
	adobe     int // transform of the Adobe marker, -1 without
	haveSOF   bool
	frame     frame
	scan      scan
	scans     int
	unstuffed []byte // memory of the current entropy-coded segment
}

func truncated(what string) error {
	return fmt.Errorf("jpeg: %w: it ends in %s", ErrTruncated, what)
}

// start checks the file's first marker.
func (d *decoder) start() error {
	if len(d.data) < 2 || d.data[0] != 0xFF || d.data[1] != mSOI {
		return fmt.Errorf("jpeg: not a JPEG file: it does not start with FF D8")
	}
	d.pos = 2
	d.adobe = -1
	return nil
}

// next returns the next marker's code and leaves pos behind it. Bytes that
// belong to no segment are skipped, as libjpeg does.
func (d *decoder) next() (byte, error) {
	for i := d.pos; i+1 < len(d.data); i++ {
		if d.data[i] == 0xFF && d.data[i+1] != 0 && d.data[i+1] != 0xFF {
			d.pos = i + 2
			return d.data[i+1], nil
		}
	}
	return 0, truncated("front of a marker (no end-of-image marker)")
}

// segment returns the payload of the segment at pos and steps over it.
func (d *decoder) segment() ([]byte, error) {
	rest := d.data[d.pos:]
	if len(rest) < 2 {
		return nil, truncated("a segment's length")
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 {
		return nil, fmt.Errorf("jpeg: a segment claims a length of %d bytes", n)
	}
	if n > len(rest) {
		return nil, truncated("a segment")
	}
	d.pos += n
	return rest[2:n], nil
}

// readTo handles segments until stop, whose payload it returns, or until the
// end of the image (stop mEOI).
func (d *decoder) readTo(stop func(marker byte) bool) (byte, []byte, error) {
	for {
		m, err := d.next()
		if err != nil {
			return 0, nil, err
		}
		if m == mEOI {
			return m, nil, nil
		}
		if m == mTEM || m >= mRST0 && m <= mRST7 {
			continue
		}
		if m == mSOI {
			return 0, nil, fmt.Errorf("jpeg: a second start-of-image marker inside the image")
		}
		seg, err := d.segment()
		if err != nil {
			return 0, nil, err
		}
		if stop(m) {
			return m, seg, nil
		}
		if err := d.apply(m, seg); err != nil {
			return 0, nil, err
		}
	}
}

// apply takes over what a table or frame segment says.
func (d *decoder) apply(m byte, seg []byte) error {
	switch {
	case isFrame(m):
		return d.readFrame(m, seg)
	case m == mDHT:
		return d.readHuffman(seg)
	case m == mDQT:
		return d.readQuant(seg)
	case m == mDRI:
		if len(seg) != 2 {
			return fmt.Errorf("jpeg: a restart interval segment of %d bytes", len(seg))
		}
		d.restart = int(binary.BigEndian.Uint16(seg))
	case m == mAPP0:
		d.jfif = d.jfif || len(seg) >= 5 && string(seg[:5]) == "JFIF\x00"
	case m == mAPP14:
		if len(seg) >= 12 && string(seg[:5]) == "Adobe" {
			d.adobe = int(seg[11])
		}
	}
	return nil
}

// isFrame says whether m starts a frame header of any coding process.
func isFrame(m byte) bool {
	return m >= mSOF0 && m <= mSOF15 && m != mDHT && m != mJPG && m != mDAC
}

// readToScan reads up to and including the first scan's header.
func (d *decoder) readToScan() error {
	if err := d.start(); err != nil {
		return err
	}
	more, err := d.nextScan()
	if err == nil && !more {
		err = fmt.Errorf("jpeg: the file holds no image data")
	}
	return err
}

// nextScan reads to the next scan's header; false at the end of the image.
func (d *decoder) nextScan() (bool, error) {
	m, seg, err := d.readTo(func(m byte) bool { return m == mSOS })
	if err != nil || m == mEOI {
		return false, err
	}
	if !d.haveSOF {
		return false, fmt.Errorf("jpeg: image data before the frame header")
	}
	return true, d.readScanHeader(seg)
}

// zigzag maps the position in coded order to the position in the block. The
// entries past 63 catch runs past the end of damaged blocks, as in libjpeg; 128
// of them make the bounds check a mask.
var zigzag = [128]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

func (d *decoder) readQuant(seg []byte) error {
	for len(seg) > 0 {
		wide, id := seg[0]>>4, seg[0]&15
		size := 65
		if wide != 0 {
			size = 129
		}
		if id > 3 || wide > 1 {
			return fmt.Errorf("jpeg: quantization table %d of precision %d", id, wide)
		}
		if len(seg) < size {
			return fmt.Errorf("jpeg: a quantization table of %d bytes instead of %d", len(seg)-1, size-1)
		}
		d.quant[id] = quantTable(seg[1:size])
		seg = seg[size:]
	}
	return nil
}

// quantTable unpacks 64 factors of 8 or 16 bits. They are kept as libjpeg-turbo
// keeps them: in 16 bits, wrapping.
func quantTable(b []byte) *[64]int16 {
	t := new([64]int16)
	for k := range 64 {
		if len(b) == 64 {
			t[zigzag[k]] = int16(b[k])
		} else {
			t[zigzag[k]] = int16(binary.BigEndian.Uint16(b[2*k:]))
		}
	}
	return t
}
