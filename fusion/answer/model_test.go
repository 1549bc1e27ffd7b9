package answer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/text/decoder"
)

// still is a net that counts what it encodes and says what it was asked.
type still struct{ encoded int }

func (n *still) recipe(w, h int, o PictureOptions) string { return fmt.Sprint(o.Detail == "low") }

func (n *still) encode(_ context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	n.encoded++
	return &ImageState{Tiles: 1, Tokens: 2, Features: make([]float32, 2*100)}, nil
}

func (n *still) answer(_ context.Context, states []*ImageState, question string, r Request) (Answer, error) {
	return Answer{Text: question}, r.Each(decoder.Piece{Text: question})
}

func (n *still) rank(_ context.Context, _ []*ImageState, _ string, candidates []string) ([]float64, error) {
	logs := make([]float64, len(candidates))
	for i, c := range candidates {
		logs[i] = -float64(len(c))
	}
	return logs, nil
}

func (n *still) sizes() Sizes { return Sizes{DType: "f32", Pictures: 2} }
func (n *still) close()       {}

// opened is a Model of a still net.
func opened(t *testing.T, n *still, o Options) *Model {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{"config.json": `{"model_type": "still"}`, "model.safetensors": "\x02\x00\x00\x00\x00\x00\x00\x00{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	families["still"] = func(context.Context, folder) (net, error) { return n, nil }
	defer delete(families, "still")
	m, err := Load(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func plain(w, h int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	return img
}

// TestStates: a picture is encoded once, by its content and what becomes of it, and
// states go when there are too many.
func TestStates(t *testing.T) {
	n := &still{}
	m := opened(t, n, Options{StateBytes: 2500}) // of 1056 each
	ctx := context.Background()
	encode := func(img image.Image, o PictureOptions, want int) *ImageState {
		t.Helper()
		s, err := m.Encode(ctx, img, o)
		if err != nil {
			t.Fatal(err)
		}
		if n.encoded != want {
			t.Errorf("%d pictures were encoded, want %d", n.encoded, want)
		}
		return s
	}
	red := encode(plain(3, 2, color.White), PictureOptions{}, 1)
	if again := encode(plain(3, 2, color.White), PictureOptions{Detail: "auto"}, 1); again != red || red.Width != 3 || red.Height != 2 {
		t.Errorf("%+v the second time, %+v the first", again, red)
	}
	low := encode(plain(3, 2, color.White), PictureOptions{Detail: "low"}, 2)
	turned := encode(plain(2, 3, color.White), PictureOptions{}, 3)
	if low.Key == red.Key || turned.Key == red.Key {
		t.Error("states of different content have one key")
	}
	encode(plain(2, 3, color.White), PictureOptions{}, 3)
	encode(plain(3, 2, color.White), PictureOptions{}, 4) // the first went for the third
}

// TestBadQuestions: what no model takes is refused in words.
func TestBadQuestions(t *testing.T) {
	m := opened(t, &still{}, Options{})
	ctx := context.Background()
	s, err := m.Encode(ctx, plain(1, 1, color.Black), PictureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		states   []*ImageState
		question string
		want     string
	}{
		{nil, "what?", "there is no picture"},
		{[]*ImageState{s, s, s}, "what?", "3 pictures"},
		{[]*ImageState{s}, " ", "question is empty"},
	} {
		if _, err := m.Answer(ctx, c.states, c.question, Request{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d pictures and %q: %v, want %q", len(c.states), c.question, err, c.want)
		}
	}
	for _, o := range []PictureOptions{{Detail: "fine"}, {MaxTiles: -1}} {
		var own *PictureError
		if _, err := m.Encode(ctx, plain(1, 1, color.Black), o); !errors.As(err, &own) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := m.Encode(ctx, image.NewRGBA(image.Rectangle{}), PictureOptions{}); err == nil {
		t.Error("a picture without pixels is no error")
	}
	var cannot *UnsupportedError
	if _, _, _, err := m.Explain(ctx, []*ImageState{s}, "what?", "that"); !errors.As(err, &cannot) {
		t.Errorf("a family that cannot explain says %v", err)
	}
	for _, list := range [][]string{nil, {"a", ""}, make([]string, 257)} {
		if _, err := m.Rank(ctx, []*ImageState{s}, "what?", list); err == nil {
			t.Errorf("%d candidates are no error", len(list))
		}
	}
}

// TestRank: candidates come by their probability among each other.
func TestRank(t *testing.T) {
	m := opened(t, &still{}, Options{})
	s, err := m.Encode(context.Background(), plain(1, 1, color.Black), PictureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := m.Rank(context.Background(), []*ImageState{s}, "what?", []string{"three", "a", "of"})
	if err != nil {
		t.Fatal(err)
	}
	sum := math.Exp(-1) + math.Exp(-2) + math.Exp(-5)
	for i, want := range []Ranked{{"a", -1, math.Exp(-1) / sum}, {"of", -2, math.Exp(-2) / sum}, {"three", -5, math.Exp(-5) / sum}} {
		if got := all[i]; got.Answer != want.Answer || got.LogProb != want.LogProb || math.Abs(got.Probability-want.Probability) > 1e-12 {
			t.Errorf("%d: %+v, want %+v", i, got, want)
		}
	}
}
