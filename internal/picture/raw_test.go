package picture

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// field is one entry of a directory in a test's TIFF file.
type field struct {
	tag, kind uint16
	count     uint32
	value     uint32
}

// tiffOf lays a file out: directories at 8, 308, 608, ..., then the blobs.
func tiffOf(order binary.ByteOrder, directories [][]field, blobs ...[]byte) []byte {
	magic := "II*\x00"
	if order == binary.BigEndian {
		magic = "MM\x00*"
	}
	out := make([]byte, 8+300*len(directories))
	copy(out, magic)
	order.PutUint32(out[4:], 8)
	for i, d := range directories {
		at := 8 + 300*i
		order.PutUint16(out[at:], uint16(len(d)))
		for j, f := range d {
			e := out[at+2+12*j:]
			order.PutUint16(e, f.tag)
			order.PutUint16(e[2:], f.kind)
			order.PutUint32(e[4:], f.count)
			if f.kind == 3 && f.count == 1 {
				order.PutUint16(e[8:], uint16(f.value))
			} else {
				order.PutUint32(e[8:], f.value)
			}
		}
	}
	return append(out, bytes.Join(blobs, nil)...)
}

// cameraFile is a raw file with a small preview in the first directory and a
// large one below it.
func cameraFile(t testing.TB, order binary.ByteOrder) []byte {
	small, large := readPicture(t, "exif1.jpg"), readPicture(t, "progressive.jpg")
	at := uint32(8 + 2*300)
	return tiffOf(order, [][]field{
		{
			{tagNewSubfile, 4, 1, 1}, {tagMake, 2, 4, 0x4e494b00}, {tagOrientation, 3, 1, 6}, {tagSubIFDs, 4, 1, 308},
			{tagJPEGOffset, 4, 1, at}, {tagJPEGLength, 4, 1, uint32(len(small))},
		},
		{{tagCompression, 3, 1, 6}, {tagStripOffsets, 4, 1, at + uint32(len(small))}, {tagStripCounts, 4, 1, uint32(len(large))}},
	}, small, large)
}

func TestRawFileGivesItsLargestJPEGUpright(t *testing.T) {
	o := Options{Local: true, Limits: LocalLimits(0)}
	want, err := Decode(readPicture(t, "progressive.jpg"), o)
	if err != nil {
		t.Fatal(err)
	}
	want = want.oriented(6)
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		data := cameraFile(t, order)
		h, err := ReadHeader(data, o)
		if err != nil || h.Format != "raw" || h.Orientation != 6 {
			t.Fatalf("%+v, %v", h, err)
		}
		got, err := Decode(data, o)
		if err != nil || got.W != want.W || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%v: another picture, %v", order, err)
		}
		if _, err := Decode(data, Options{}); kindOf(err) != Unsupported {
			t.Errorf("over HTTP: %v", err)
		}
	}
}

func TestRawFileWithoutJPEG(t *testing.T) {
	loop := tiffOf(binary.LittleEndian, [][]field{{{tagNewSubfile, 4, 1, 1}, {tagMake, 2, 4, 0}, {tagSubIFDs, 4, 1, 8}}})
	if _, err := Decode(loop, Options{Local: true}); kindOf(err) != Unsupported {
		t.Errorf("directories that go in circles: %v", err)
	}
}
