package picture

import (
	"image"
	"image/color"

	"github.com/disintegration/imaging"
)

// RGB is a decoded picture: 8 bits a channel, no alpha. It is an image.Image.
type RGB struct {
	W, H int
	Pix  []byte // (H, W, 3)
}

// NewRGB returns a black picture.
func NewRGB(w, h int) *RGB {
	return &RGB{W: w, H: h, Pix: make([]byte, 3*w*h)}
}

// ColorModel returns color.RGBAModel: every pixel is opaque.
func (p *RGB) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns (0, 0)-(W, H).
func (p *RGB) Bounds() image.Rectangle { return image.Rect(0, 0, p.W, p.H) }

// At returns the pixel at column x, row y; zero outside the picture.
func (p *RGB) At(x, y int) color.Color {
	if x < 0 || y < 0 || x >= p.W || y >= p.H {
		return color.RGBA{}
	}
	c := p.Pix[3*(y*p.W+x):][:3]
	return color.RGBA{c[0], c[1], c[2], 255}
}

// Opaque says that there is no alpha, which spares encoders a look.
func (p *RGB) Opaque() bool { return true }

// row is row y, with the room behind it that the rows after it give.
func (p *RGB) row(y int) []byte {
	return p.Pix[3*p.W*y:][:3*p.W]
}

// Crop returns the w x h window whose corner is (x, y). What lies outside the
// picture is black, as in PIL's crop. The whole picture is returned itself, not
// as a copy.
func (p *RGB) Crop(x, y, w, h int) *RGB {
	if x == 0 && y == 0 && w == p.W && h == p.H {
		return p
	}
	out := NewRGB(w, h)
	x0, x1 := clampWindow(x, w, p.W)
	y0, y1 := clampWindow(y, h, p.H)
	for r := y0; r < y1 && x0 < x1; r++ {
		copy(out.row(r - y)[3*(x0-x):], p.row(r)[3*x0:3*x1])
	}
	return out
}

// Thumbnail fits the picture into a square of maxSide for people to look at;
// it is never enlarged.
func (p *RGB) Thumbnail(maxSide int) image.Image {
	longest := max(p.W, p.H)
	if longest <= maxSide {
		return p
	}
	side := func(n int) int { return max(1, (2*n*maxSide+longest)/(2*longest)) }
	w, h := side(p.W), side(p.H)
	if p.W >= 4*w && p.H >= 4*h {
		// A coarse step first is exact enough for the eye and far cheaper.
		p = p.Resize(3*w, 3*h, Box)
	}
	return imaging.Resize(p.nrgba(), w, h, imaging.CatmullRom)
}

func (p *RGB) nrgba() *image.NRGBA {
	out := image.NewNRGBA(p.Bounds())
	for i := range p.W * p.H {
		copy(out.Pix[4*i:], p.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}
