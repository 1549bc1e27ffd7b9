package jpeg

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

var picture = flag.String("picture", "", "JPEG file that BenchmarkDecode decodes instead of a made one")

// benchPicture is a 640x480 4:2:0 picture with edges, gradients and noise, or
// the flag's.
func benchPicture(b *testing.B) []byte {
	if *picture != "" {
		data, err := os.ReadFile(*picture)
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
	rng := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			wave := 60 * math.Sin(float64(x*y)/3000)
			edge := float64((x/80 + y/60) % 3 * 30)
			v := 70 + wave + edge + 6*rng.NormFloat64()
			m.Set(x, y, color.NRGBA{clamp(int32(v)), clamp(int32(v + wave)), clamp(int32(240 - v)), 255})
		}
	}
	var out bytes.Buffer
	if err := stdjpeg.Encode(&out, m, &stdjpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	data := benchPicture(b)
	h, err := ReadHeader(data)
	if err != nil {
		b.Fatal(err)
	}
	for _, scale := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint("scale=", scale), func(b *testing.B) {
			b.SetBytes(int64(h.Width * h.Height))
			for b.Loop() {
				if _, err := Decode(data, Options{Scale: scale}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("image/jpeg", func(b *testing.B) {
		b.SetBytes(int64(h.Width * h.Height))
		for b.Loop() {
			if err := decodeStd(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image/jpeg without conversion", func(b *testing.B) {
		b.SetBytes(int64(h.Width * h.Height))
		for b.Loop() {
			if _, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// decodeStd is the peer: image/jpeg and its samples converted to RGB row by row.
func decodeStd(data []byte) error {
	m, err := stdjpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	ycc, ok := m.(*image.YCbCr)
	if !ok {
		return fmt.Errorf("%T is no YCbCr picture", m)
	}
	w, h := ycc.Rect.Dx(), ycc.Rect.Dy()
	pix := make([]byte, 3*w*h)
	for y := range h {
		for x := range w {
			i, j, p := ycc.YOffset(x, y), ycc.COffset(x, y), 3*(y*w+x)
			pix[p], pix[p+1], pix[p+2] = color.YCbCrToRGB(ycc.Y[i], ycc.Cb[j], ycc.Cr[j])
		}
	}
	return nil
}
