package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"runtime"
	"testing"
)

// webpBomb is a whole file of 28 bytes that decodes to 16384 x 16384 pixels.
var webpBomb = []byte("RIFF\x14\x00\x00\x00WEBPVP8L\x08\x00\x00\x00\x2f\xff\xff\xff\x0f\x88\x88\x08")

// pngBomb claims a size; there is hardly any data.
func pngBomb(w, h uint32) []byte {
	var b bytes.Buffer
	png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1)))
	out := b.Bytes()
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

func tiffBomb(w, h, tw, th uint32) []byte {
	return tiffOf(binary.LittleEndian, [][]field{{
		{tagWidth, 4, 1, w}, {tagHeight, 4, 1, h}, {0x102, 3, 1, 8}, {tagCompression, 3, 1, 8}, {tagPhotometric, 3, 1, 1},
		{tagTileWidth, 4, 1, tw}, {tagTileHeight, 4, 1, th}, {0x144, 4, 1, 8}, {0x145, 4, 1, 100},
	}})
}

func TestBombsAreRefusedFromTheHeader(t *testing.T) {
	local := Options{Local: true, Limits: LocalLimits(0)}
	gif := append([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x08"), 0)
	bmp := append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x01\x00\x18\x00"), make([]byte, 24)...)
	for _, c := range []struct {
		name string
		data []byte
		o    Options
		kind Kind
	}{
		{"webp", webpBomb, Options{}, TooLarge},
		{"webp, local", webpBomb, local, TooLarge},
		{"webp under the pixel limits", webpBomb, Options{Limits: Limits{MaxPixels: 1e9, MaxWebPPixels: 1e9}}, TooLarge},
		{"png", pngBomb(50000, 50000), Options{}, TooLarge},
		{"png, local", pngBomb(50000, 50000), local, TooLarge},
		{"png of few bytes a pixel", pngBomb(2500, 2500), Options{}, TooLarge},
		{"png without width", pngBomb(0, 5), Options{}, Corrupt},
		{"gif", gif, Options{}, TooLarge},
		{"bmp", bmp, local, TooLarge},
		{"tiff", tiffBomb(60000, 60000, 256, 256), local, TooLarge},
		{"tiff tiles", tiffBomb(64, 64, 1<<30, 1<<30), local, Corrupt},
		{"tiff tile columns", tiffBomb(64, 64, 1<<31, 16), local, Corrupt},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(c.data, c.o)
		runtime.ReadMemStats(&after)
		if kindOf(err) != c.kind {
			t.Errorf("%s: got %v, want an error of kind %q", c.name, err, c.kind)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", c.name, n)
		}
	}
}

func TestLimitsAtTheirEdges(t *testing.T) {
	data := readPicture(t, "rgb8.png") // 11 x 6
	for _, c := range []struct {
		limits Limits
		kind   Kind
	}{
		{Limits{MaxPixels: 66}, 0},
		{Limits{MaxPixels: 65}, TooLarge},
		{Limits{MaxSide: 11}, 0},
		{Limits{MaxSide: 10}, TooLarge},
		{Limits{MaxBytes: int64(len(data))}, 0},
		{Limits{MaxBytes: int64(len(data)) - 1}, TooLarge},
		{Limits{PixelsPerByte: 0.001}, 0}, // small pictures are free
	} {
		if _, err := Decode(data, Options{Limits: c.limits}); kindOf(err) != c.kind {
			t.Errorf("%+v: %v", c.limits, err)
		}
	}
}

func TestWhatIsNoPicture(t *testing.T) {
	for data, kind := range map[string]Kind{
		"":                             Corrupt,
		"hello":                        Unsupported,
		"<svg xmlns='http://w3.org'/>": Unsupported,
		"%PDF-1.7":                     Unsupported,
		"GIF89a":                       Corrupt,
		"\xff\xd8\xff\xe0":             Corrupt,
		pngMagic:                       Corrupt,
		"RIFF\x00\x00\x00\x00WEBP":     Corrupt,
		"II*\x00\x08\x00\x00\x00":      Unsupported,
	} {
		if _, err := Decode([]byte(data), Options{}); kindOf(err) != kind {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestTruncatedFilesAreCorrupt(t *testing.T) {
	for _, file := range []string{"rgb8.png", "plain.gif", "bmp24.bmp", "lossy40x30.webp", "lossless.webp", "rgb-tiff_lzw.tif", "progressive.jpg"} {
		data := readPicture(t, file)
		if _, err := Decode(data[:len(data)*2/3], Options{Local: true}); kindOf(err) != Corrupt {
			t.Errorf("%s: %v", file, err)
		}
	}
}
