package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emblem-search/emblem/vit"
)

// fake is a model that is quick and predictable: a text's vector comes from its
// ids, a picture's from its mean colour.
type fake struct {
	name    string
	batches atomic.Int64
	gate    chan struct{} // if not nil, a batch waits for one value
}

const fakeDim = 8

func (f *fake) Name() string        { return f.name }
func (f *fake) Fingerprint() string { return "f0f0" }
func (f *fake) Dim() int            { return fakeDim }
func (f *fake) ImageSide() int      { return 4 }
func (f *fake) ImageTokens() int    { return 5 }

func (f *fake) EncodeText(s string) (ids []int32, truncated bool, err error) {
	words := strings.Fields(s)
	for _, w := range words[:min(len(words), 6)] {
		h := fnv.New32a()
		h.Write([]byte(w))
		ids = append(ids, int32(h.Sum32()%1000))
	}
	return ids, len(words) > 6, nil
}

func (f *fake) wait(ctx context.Context) error {
	f.batches.Add(1)
	if f.gate == nil {
		return nil
	}
	select {
	case <-f.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	out := make([][]float32, len(ids))
	for i, list := range ids {
		v := make([]float64, fakeDim)
		for _, id := range list {
			if id < 0 || id >= 1000 {
				return nil, errors.New("an id is outside the vocabulary of 1000")
			}
			for k := range v {
				v[k] += math.Sin(float64(int(id)*(k+1)) + 1)
			}
		}
		out[i] = unit(v)
	}
	return out, nil
}

func (f *fake) Preprocess(m image.Image) (vit.Pixels, error) {
	px := vit.Pixels{W: 4, H: 4, RGB: make([]byte, 48)}
	b := m.Bounds()
	for i := range 16 {
		r, g, bl, _ := m.At(b.Min.X+i%4*b.Dx()/4, b.Min.Y+i/4*b.Dy()/4).RGBA()
		px.RGB[3*i], px.RGB[3*i+1], px.RGB[3*i+2] = byte(r>>8), byte(g>>8), byte(bl>>8)
	}
	return px, nil
}

func (f *fake) EmbedPixels(ctx context.Context, pixels []vit.Pixels) ([][]float32, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	out := make([][]float32, len(pixels))
	for i, p := range pixels {
		v := make([]float64, fakeDim)
		v[3] = 1
		for k, x := range p.RGB {
			v[k%3] += float64(x) / 255
			if p.RGB[0] == 13 && p.RGB[1] == 13 {
				return nil, errors.New("a poison picture")
			}
		}
		out[i] = unit(v)
	}
	return out, nil
}

// Heat falls from the upper left to the lower right, whatever is asked.
func (f *fake) Heat(ctx context.Context, px vit.Pixels, text []float32) (w, h int, heat []float32, err error) {
	if err := f.wait(ctx); err != nil {
		return 0, 0, nil, err
	}
	for i := range 16 {
		heat = append(heat, -0.1*float32(i/4+i%4)*text[0]*text[0])
	}
	return 4, 4, heat, nil
}

// Window is the middle square.
func (f *fake) Window(w, h int) vit.Window {
	side := float64(min(w, h))
	x, y := side/float64(w)/2, side/float64(h)/2
	return vit.Window{Left: 0.5 - x, Top: 0.5 - y, Right: 0.5 + x, Bottom: 0.5 + y}
}

func (f *fake) Logits(pictures, texts [][]float32) [][]float32 {
	out := make([][]float32, len(pictures))
	for i, p := range pictures {
		for _, t := range texts {
			out[i] = append(out[i], float32(10*dot(p, t)))
		}
	}
	return out
}

func (f *fake) Probabilities(logits []float32) []float32 {
	out := make([]float32, len(logits))
	var sum float64
	for i, x := range logits {
		out[i] = float32(math.Exp(float64(x)))
		sum += float64(out[i])
	}
	for i := range out {
		out[i] = float32(float64(out[i]) / sum)
	}
	return out
}

func unit(v []float64) []float32 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x / math.Sqrt(sum))
	}
	return out
}

// newTest is a server with a fake model.
func newTest(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Embedders == nil {
		o.Embedders = []Embedder{&fake{name: "org/fake-clip"}}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// do sends one request as a client on this machine would.
func do(s *Server, method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:3625"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// pngOf is a picture of one colour.
func pngOf(c color.Color) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 9, 7))
	for i := range 63 {
		m.Set(i%9, i/9, c)
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

func dataURL(file []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
}

var (
	red    = pngOf(color.RGBA{255, 0, 0, 255})
	green  = pngOf(color.RGBA{0, 255, 0, 255})
	poison = pngOf(color.RGBA{13, 13, 13, 255})
)
