package imagebind

import (
	"fmt"
	"image"
	"math"

	"github.com/emblem-search/emblem/internal/picture"
)

// How depth and heat are read: the middle square of a picture of 224 pixels, with one
// number a pixel.
const (
	fieldSide = 224
	fieldRows = fieldSide / side
)

// Camera is what makes distances disparities, which is what the model was trained
// with. The zero value is the Kinect's.
type Camera struct {
	Focal    float64 // length in pixels; 0: 518.857901
	Baseline float64 // metres between the eyes; 0: 0.075
}

// The bounds and the normalisation of Omnivore (arXiv 2201.08377), whose depth
// ImageBind's authors took over: its inference tutorial, and the code in its issue 12.
const (
	nearest, farthest  = 0.01, 50. // metres
	mostDisparity      = 75.
	disparityMean      = 0.0418
	disparityDeviation = 0.0295
)

// DepthMap is a picture of distances in millimetres, as depth cameras write them to
// 16-bit PNG. Where nothing was measured, which is 0, is very near.
func DepthMap(im *image.Gray16, c Camera) (Signal, error) {
	if im.Rect.Empty() {
		return Signal{}, fmt.Errorf("imagebind: the depth map has no pixels")
	}
	if c == (Camera{}) {
		c = Camera{518.857901, 0.075}
	}
	if !(c.Focal > 0 && c.Baseline > 0) {
		return Signal{}, fmt.Errorf("imagebind: a focal length of %v pixels with a baseline of %v m: both have to be over 0", c.Focal, c.Baseline)
	}
	b := im.Rect
	g := grid{b.Dx(), b.Dy(), make([]float32, b.Dx()*b.Dy())}
	for i := range g.values {
		mm := im.Gray16At(b.Min.X+i%g.w, b.Min.Y+i/g.w).Y
		metres := min(max(float32(mm)/1000, nearest), farthest)
		g.values[i] = min(float32(c.Baseline*c.Focal)/metres, mostDisparity) / mostDisparity
	}
	g = g.shortSide(fieldSide).centre()
	for i, v := range g.values {
		g.values[i] = (v - disparityMean) / disparityDeviation
	}
	return Signal{Depth, [][]float32{g.patches(side)}}, nil
}

// ThermalPicture is a picture that is brighter where it is warmer, as infrared cameras
// make them, with 8 bits a pixel; of a coloured one the brightness counts. It is
// resized as pictures are. ImageBind's authors do not say how they normalised it; this
// is from 0 to 1, with which others have found their accuracy again.
func ThermalPicture(im image.Image) (Signal, error) {
	b := im.Bounds()
	if b.Empty() {
		return Signal{}, fmt.Errorf("imagebind: the thermal picture has no pixels")
	}
	w, h := shortest(b.Dx(), b.Dy(), fieldSide)
	rgb := gray(picture.FromImage(im)).ResizeCrop(w, h, middle(w), middle(h), fieldSide, fieldSide, picture.Bicubic)
	g := grid{fieldSide, fieldSide, make([]float32, fieldSide*fieldSide)}
	for i := range g.values {
		g.values[i] = float32(rgb.Pix[3*i]) / 255
	}
	return Signal{Thermal, [][]float32{g.patches(side)}}, nil
}

// gray is Pillow's convert("L"), with three equal channels.
func gray(p *picture.RGB) *picture.RGB {
	out := picture.NewRGB(p.W, p.H)
	for i := 0; i < len(p.Pix); i += 3 {
		l := byte((uint32(p.Pix[i])*19595 + uint32(p.Pix[i+1])*38470 + uint32(p.Pix[i+2])*7471 + 1<<15) >> 16)
		out.Pix[i], out.Pix[i+1], out.Pix[i+2] = l, l, l
	}
	return out
}

// shortest is the size of a picture of w×h whose shorter side becomes n; the longer
// one is cut to whole pixels.
func shortest(w, h, n int) (int, int) {
	if w <= h {
		return n, max(int(float64(n)*float64(h)/float64(w)), 1)
	}
	return max(int(float64(n)*float64(w)/float64(h)), 1), n
}

// middle is where a crop of fieldSide begins in n pixels, as torchvision rounds it.
func middle(n int) int { return int(math.RoundToEven(float64(n-fieldSide) / 2)) }

// shortSide is the grid with its shorter side scaled to n.
func (g grid) shortSide(n int) grid {
	w, h := shortest(g.w, g.h, n)
	return grid{w, h, Bilinear(g.values, g.w, g.h, 1, w, h)}
}

// centre is the middle square of fieldSide.
func (g grid) centre() grid {
	x, y := middle(g.w), middle(g.h)
	out := grid{w: fieldSide, h: fieldSide}
	for r := range fieldSide {
		out.values = append(out.values, g.values[(y+r)*g.w+x:][:fieldSide]...)
	}
	return out
}
