package library

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// colours is a model that knows what colours pictures have: vectors are mean
// red, green and blue less the grey, and a trace of brightness.
type colours struct {
	print   string
	bias    *float32
	images  atomic.Int32 // pictures embedded
	batches atomic.Int32
	texts   int
	before  func() error // called before each batch
}

func (c *colours) Name() string        { return "colours" }
func (c *colours) Fingerprint() string { return "colours/" + c.print }
func (c *colours) Dim() int            { return 4 }
func (c *colours) ImageSide() int      { return 8 }
func (c *colours) LogitScale() float32 { return 10 }
func (c *colours) LogitBias() (float32, bool) {
	if c.bias == nil {
		return 0, false
	}
	return *c.bias, true
}

func (c *colours) EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.batches.Add(1)
	var out [][]float32
	for _, im := range images {
		c.images.Add(1)
		r, g, b, _ := im.At(im.Bounds().Dx()/2, im.Bounds().Dy()/2).RGBA()
		out = append(out, colourVector(float64(r)/65535, float64(g)/65535, float64(b)/65535))
	}
	return out, nil
}

func (c *colours) EmbedTexts(_ context.Context, texts []string) ([][]float32, error) {
	var out [][]float32
	c.texts += len(texts)
	for _, t := range texts {
		var rgb [3]float64
		for i, name := range []string{"red", "green", "blue"} {
			if strings.Contains(t, name) {
				rgb[i] = 1
			}
		}
		out = append(out, colourVector(rgb[0], rgb[1], rgb[2]))
	}
	return out, nil
}

func colourVector(r, g, b float64) []float32 {
	grey := (r + g + b) / 3
	v := []float64{r - grey, g - grey, b - grey, 0.05 + grey/10}
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2] + v[3]*v[3])
	return []float32{float32(v[0] / n), float32(v[1] / n), float32(v[2] / n), float32(v[3] / n)}
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
)

func pngOf(t testing.TB, c color.Color, w, h int) []byte {
	t.Helper()
	im := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			im.Set(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, im); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// shade is a colour of its own for every i below 40,000, of one hue.
func shade(c color.RGBA, i int) color.RGBA {
	for _, p := range []*uint8{&c.R, &c.G, &c.B} {
		if *p == 255 {
			*p = uint8(255 - i%100)
		} else {
			*p = uint8(i / 100 % 100)
		}
	}
	c.A = 255
	return c
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// reds writes n pictures of different reds.
func reds(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		write(t, filepath.Join(dir, fmt.Sprintf("red%03d.png", i)), pngOf(t, shade(red, i), 9, 9))
	}
}
