package jpeg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTruncated cuts files everywhere. A sequential file may lose its last
// marker, as with Pillow; anything more is an error.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"rgb-64x48-2.jpg", "hand-420-scans.jpg", "restart-1.jpg", "progressive-2.jpg"} {
		data := readFile(t, name)
		sequential := !strings.Contains(name, "progressive") && !strings.Contains(name, "scans")
		for n := range data {
			_, err := Decode(data[:n], Options{})
			if err == nil && !(sequential && n >= len(data)-2) {
				t.Fatalf("%s: the first %d of %d bytes decode", name, n, len(data))
			}
			if n > 2 && err != nil && !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: the first %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
}

// edit returns data with the bytes behind the first occurrence of mark, at
// offset, replaced.
func edit(data []byte, mark []byte, offset int, with ...byte) []byte {
	out := bytes.Clone(data)
	copy(out[bytes.Index(out, mark)+offset:], with)
	return out
}

func TestErrors(t *testing.T) {
	plain := readFile(t, "rgb-64x48-2.jpg")
	progressive := readFile(t, "progressive-2.jpg")
	sof, sof2, sos, dht := []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, []byte{0xFF, 0xDA}, []byte{0xFF, 0xC4}
	first := bytes.Index(progressive, sos)
	second := first + 2 + bytes.Index(progressive[first+2:], []byte{0xFF, 0xC4})
	many := append(bytes.Clone(progressive[:second]), bytes.Repeat(progressive[first:second], 1001)...)
	cases := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "does not start with FF D8"},
		{"png", []byte("\x89PNG\r\n\x1a\n"), "does not start with FF D8"},
		{"no image", []byte{0xFF, 0xD8, 0xFF, 0xD9}, "holds no image data"},
		{"lossless", edit(plain, sof, 1, 0xC3), "lossless coding is not supported"},
		{"arithmetic", edit(plain, sof, 1, 0xC9), "arithmetic coding is not supported"},
		{"12 bit", edit(plain, sof, 4, 12), "samples of 12 bits"},
		{"no rows", edit(plain, sof, 5, 0, 0), "64x0 pixels"},
		{"huge", edit(plain, sof, 5, 0xFF, 0xFF, 0xFF, 0xFF), "cannot hold 65535x65535 pixels"},
		{"factors", edit(plain, sof, 11, 0x52), "sampling factors 5x2"},
		{"ratio", edit(plain, sof, 11, 0x31, 0, 2, 0x21), "not a whole ratio"},
		{"mcu", edit(plain, sof, 11, 0x44), "18 blocks in an MCU"},
		{"quant", edit(plain, sof, 12, 3), "quantization table 3 is missing"},
		{"component", edit(plain, sos, 5, 9), "component 9"},
		{"tables", edit(plain, sos, 6, 0x33), "without its Huffman table"},
		{"huffman", edit(plain, dht, 5, 3, 1, 2), "too many codes of 1 bits"},
		{"band", edit(progressive, sos, 11, 5, 1), "coefficients 5 to 1"},
		{"two frames", append(bytes.Clone(progressive[:first]), progressive[bytes.Index(progressive, sof2):]...), "second frame header"},
		{"scans", append(many, 0xFF, 0xD9), "more than 1000 scans"},
	}
	for _, c := range cases {
		if _, err := Decode(c.data, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := Decode(plain, Options{Scale: 3}); err == nil || !strings.Contains(err.Error(), "scale 3") {
		t.Errorf("scale 3: %v", err)
	}
}

// TestReadHeaderStops checks that the header needs no byte behind the frame
// header and knows the Adobe marker.
func TestReadHeaderStops(t *testing.T) {
	data := readFile(t, "hand-ycck.jpg")
	end := bytes.Index(data, []byte{0xFF, 0xC4})
	h, err := ReadHeader(data[:end])
	if want := (Header{21, 18, 4, false, 2}); err != nil || h != want {
		t.Errorf("%+v, %v; want %+v", h, err, want)
	}
	if _, err := ReadHeader(data[:end-1]); !errors.Is(err, ErrTruncated) {
		t.Errorf("a cut header: %v", err)
	}
}

// FuzzDecode looks for panics and for results that contradict the header.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for i, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, scale uint8) {
		h, err := ReadHeader(data)
		if err == nil && h.Width*h.Height > 1<<18 {
			return
		}
		s := 1 << (scale & 3)
		img, derr := Decode(data, Options{Scale: s})
		if derr != nil {
			return
		}
		if err != nil {
			t.Fatalf("Decode succeeds, ReadHeader says %v", err)
		}
		if img.Width != ceilDiv(h.Width, s) || img.Height != ceilDiv(h.Height, s) ||
			len(img.Pix) != img.Width*img.Height*h.Components {
			t.Fatalf("%dx%dx%d with %d bytes of %+v", img.Width, img.Height, img.Components, len(img.Pix), h)
		}
	})
}
