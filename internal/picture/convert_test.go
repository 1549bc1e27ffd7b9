package picture

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

func TestFromImage(t *testing.T) {
	r := image.Rect(3, 4, 4, 5)
	at := func(im interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c color.Color) image.Image {
		im.Set(3, 4, c)
		return im
	}
	paletted := image.NewPaletted(r, color.Palette{color.NRGBA{9, 8, 7, 0}})
	for _, c := range []struct {
		name string
		im   image.Image
		want [3]byte
	}{
		{"NRGBA keeps what is under no alpha", at(image.NewNRGBA(r), color.NRGBA{10, 20, 30, 0}), [3]byte{10, 20, 30}},
		{"RGBA is divided by alpha", at(image.NewRGBA(r), color.RGBA{50, 25, 100, 100}), [3]byte{127, 63, 255}},
		{"RGBA without alpha", at(image.NewRGBA(r), color.RGBA{}), [3]byte{}},
		{"Gray", at(image.NewGray(r), color.Gray{77}), [3]byte{77, 77, 77}},
		{"Gray16 is clipped", at(image.NewGray16(r), color.Gray16{300}), [3]byte{255, 255, 255}},
		{"Gray16 in range", at(image.NewGray16(r), color.Gray16{200}), [3]byte{200, 200, 200}},
		{"NRGBA64 keeps the high byte", at(image.NewNRGBA64(r), color.NRGBA64{0x1234, 0x80ff, 0xff00, 5}), [3]byte{0x12, 0x80, 0xff}},
		{"RGBA64", at(image.NewRGBA64(r), color.RGBA64{0x1234, 0x80ff, 0xff00, 0xffff}), [3]byte{0x12, 0x80, 0xff}},
		{"CMYK", at(image.NewCMYK(r), color.CMYK{100, 0, 255, 50}), [3]byte{125, 205, 0}},
		{"a transparent palette entry", paletted, [3]byte{9, 8, 7}},
	} {
		got := FromImage(c.im)
		if got.W != 1 || got.H != 1 || !bytes.Equal(got.Pix, c.want[:]) {
			t.Errorf("%s: %v, want %v", c.name, got.Pix, c.want)
		}
	}
	p := noise(3, 2, 1)
	if FromImage(p) != p {
		t.Error("an RGB is copied")
	}
}

func TestRGBIsAnImage(t *testing.T) {
	p := noise(3, 2, 1)
	for y := -1; y < 3; y++ {
		for x := -1; x < 4; x++ {
			want := color.RGBA{}
			if (image.Point{x, y}).In(p.Bounds()) {
				i := 3 * (y*3 + x)
				want = color.RGBA{p.Pix[i], p.Pix[i+1], p.Pix[i+2], 255}
			}
			if p.At(x, y) != want {
				t.Errorf("at %d,%d: %v, want %v", x, y, p.At(x, y), want)
			}
		}
	}
}

func TestCropOutsideIsBlack(t *testing.T) {
	p := noise(3, 2, 1)
	got := p.Crop(-1, 1, 5, 3)
	want := NewRGB(5, 3)
	copy(want.Pix[3:], p.Pix[9:])
	if !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("%v, want %v", got.Pix, want.Pix)
	}
	if q := p.Crop(7, 7, 2, 2); !bytes.Equal(q.Pix, make([]byte, 12)) {
		t.Error("a crop beside the picture is not black")
	}
}

func TestThumbnail(t *testing.T) {
	for _, c := range [][4]int{{640, 480, 64, 48}, {30, 20, 30, 20}, {1, 3000, 1, 64}, {2000, 500, 64, 16}} {
		b := noise(c[0], c[1], 1).Thumbnail(64).Bounds()
		if b.Dx() != c[2] || b.Dy() != c[3] {
			t.Errorf("%v: %v", c, b)
		}
	}
}

func TestScaledJPEGStaysTwiceAsLarge(t *testing.T) {
	data := readPicture(t, "progressive.jpg") // 45 x 37
	for minSide, want := range map[int]int{0: 37, 19: 37, 9: 19, 5: 10, 2: 5} {
		p, err := Decode(data, Options{MinSide: minSide})
		if err != nil || p.H != want {
			t.Errorf("MinSide %d: height %d, want %d, %v", minSide, p.H, want, err)
		}
	}
}
