package picture

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func addPictures(f *testing.F) {
	files, _ := filepath.Glob("testdata/golden/*.*")
	for _, file := range files {
		if ext := filepath.Ext(file); ext == ".json" || ext == ".rgb" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(webpBomb)
	f.Add(tiffBomb(64, 64, 1<<30, 1<<30))
	f.Add(cameraFile(f, binary.LittleEndian))
}

// FuzzDecode: whatever the bytes, a picture of the header's size or an Error.
func FuzzDecode(f *testing.F) {
	addPictures(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{Local: true, Limits: Limits{MaxPixels: 1 << 18}}
		h, err := ReadHeader(data, o)
		if err != nil {
			if kindOf(err) == 0 {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		p, err := Decode(data, o)
		if err != nil {
			if kindOf(err) == 0 {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		if p.W*p.H != h.W*h.H || len(p.Pix) != 3*p.W*p.H {
			t.Fatalf("%dx%d with %d bytes, header %+v", p.W, p.H, len(p.Pix), h)
		}
	})
}

// FuzzOrientation: the EXIF, XMP and metadata parsers never fail hard.
func FuzzOrientation(f *testing.F) {
	f.Add([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"), []byte(`tiff:Orientation="3"`))
	f.Fuzz(func(t *testing.T, exif, xmp []byte) {
		if n := (tags{exif, xmp}).orientation(); n < 1 || n > 8 {
			t.Fatalf("orientation %d", n)
		}
		largestPreview(exif)
	})
}

func FuzzMetadata(f *testing.F) {
	addPictures(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ReadMetadata(data); err != nil && kindOf(err) == 0 {
			t.Fatalf("an error without a kind: %v", err)
		}
	})
}

// FuzzResizeCrop: any window of any size, with both kernels.
func FuzzResizeCrop(f *testing.F) {
	f.Add(uint16(40), uint16(30), uint16(17), uint16(13), int16(-2), int16(3), uint16(9), uint16(20), uint8(4))
	f.Fuzz(func(t *testing.T, sw, sh, w, h uint16, x, y int16, cw, ch uint16, filter uint8) {
		src := noise(1+int(sw%200), 1+int(sh%200), uint32(sw))
		ow, oh, fl := 1+int(w%400), 1+int(h%400), Filter(filter%6)
		got := src.ResizeCrop(ow, oh, int(x), int(y), int(cw%300), int(ch%300), fl)
		want := src.Resize(ow, oh, fl).Crop(int(x), int(y), int(cw%300), int(ch%300))
		if string(got.Pix) != string(want.Pix) {
			t.Fatal("the window differs from the crop")
		}
	})
}
