package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io/fs"
	"time"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// Setting is a way to encode with less work. The first of a list is what the others
// are compared with.
type Setting struct {
	DType  string
	Reduce vit.Reduce
}

// Tradeoff is what a setting costs and what it saves.
type Tradeoff struct {
	DType       string  `json:"dtype"`
	Reduce      string  `json:"reduce"`
	MS          float64 `json:"ms"`          // a picture, alone: the median
	PerSecond   float64 `json:"per_s"`       // pictures, eight at a time, by the median
	Cosine      float64 `json:"cosine"`      // to the first setting's vectors: mean
	MinCosine   float64 `json:"min_cosine"`  // of the worst picture
	First       float64 `json:"recall_at_1"` // captions that find their picture first
	Five        float64 `json:"recall_at_5"`
	WeightBytes int     `json:"weight_bytes"`
}

// samples are pictures with what they show, ready to be encoded.
type samples struct {
	captions []string
	images   []image.Image
}

func openSamples(files fs.FS) (samples, error) {
	var s samples
	raw, err := fs.ReadFile(files, "captions.json")
	if err != nil {
		return s, err
	}
	var list []struct{ File, Caption string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return s, fmt.Errorf("bench: captions.json: %w", err)
	}
	for _, p := range list {
		raw, err := fs.ReadFile(files, p.File)
		if err != nil {
			return s, err
		}
		img, err := picture.Decode(raw, picture.Options{})
		if err != nil {
			return s, fmt.Errorf("bench: %s: %w", p.File, err)
		}
		s.captions, s.images = append(s.captions, p.Caption), append(s.images, img)
	}
	return s, nil
}

// Tradeoffs measures settings of one model, for at least a time each, on pictures and
// the captions.json that says what each shows. The settings take
// turns, in three rounds, so that a slow minute of the machine is nobody's own; the
// smallest of a setting's medians counts.
func Tradeoffs(ctx context.Context, files fs.FS, open func(Setting) (*fusion.DualEncoder, error), settings []Setting, each time.Duration) ([]Tradeoff, error) {
	s, err := openSamples(files)
	if err != nil {
		return nil, err
	}
	all := make([]Tradeoff, len(settings))
	models := make([]*fusion.DualEncoder, len(settings))
	var exact [][]float32
	for i, set := range settings {
		if models[i], err = open(set); err != nil {
			return nil, err
		}
		defer models[i].Close()
		all[i] = Tradeoff{Reduce: set.Reduce.String()}
		vectors, err := all[i].judge(ctx, models[i], s, exact)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			exact = vectors
		}
	}
	for range rounds {
		for i, m := range models {
			if err := all[i].time(ctx, m, s, each/rounds); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

const rounds = 3

// judge fills in how good the vectors are, and returns them.
func (t *Tradeoff) judge(ctx context.Context, m *fusion.DualEncoder, s samples, exact [][]float32) ([][]float32, error) {
	texts, err := m.EmbedTexts(ctx, s.captions)
	if err != nil {
		return nil, err
	}
	vectors, err := m.EmbedImages(ctx, s.images)
	if err != nil {
		return nil, err
	}
	t.DType, t.WeightBytes = m.DType(), m.Bytes()
	n := float64(len(vectors))
	for i, text := range texts {
		switch rank := rankOf(i, text, vectors); {
		case rank == 0:
			t.First += 1 / n
			fallthrough
		case rank < 5:
			t.Five += 1 / n
		}
	}
	t.Cosine, t.MinCosine = 1, 1
	if exact != nil {
		t.Cosine = 0
		for i, v := range vectors {
			c := dot(v, exact[i])
			t.Cosine += c / n
			t.MinCosine = min(t.MinCosine, c)
		}
	}
	return vectors, nil
}

// rankOf is how many pictures are nearer to a text than picture i.
func rankOf(i int, text []float32, pictures [][]float32) (rank int) {
	own := dot(text, pictures[i])
	for _, p := range pictures {
		if dot(text, p) > own {
			rank++
		}
	}
	return rank
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// time fills in how long a picture takes, from pixels in memory.
func (t *Tradeoff) time(ctx context.Context, m *fusion.DualEncoder, s samples, each time.Duration) error {
	px := make([]vit.Pixels, 8)
	for i := range px {
		var err error
		if px[i], err = m.Preprocess(s.images[i]); err != nil {
			return err
		}
	}
	one, err := repeat(each/2, func() error { _, err := m.EmbedPixels(ctx, px[:1]); return err })
	if err != nil {
		return err
	}
	eight, err := repeat(each/2, func() error { _, err := m.EmbedPixels(ctx, px); return err })
	if err != nil {
		return err
	}
	ms := milliseconds(median(one))
	t.MS = min(cmp.Or(t.MS, ms), ms)
	t.PerSecond = max(t.PerSecond, float64(len(px))/median(eight).Seconds())
	return nil
}
