package fusion

import (
	"context"
	"encoding/json"
	"image"
	"image/draw"
	_ "image/jpeg"
	"os"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/vit"
)

// scenes are pictures whose objects are known, as tiles of one.
type scenes struct {
	Side, Columns int
	Scenes        [][]struct {
		Text string
		Box  [4]float64 // left, top, right, bottom
	}
	sheet image.Image
}

func openScenes(t *testing.T) *scenes {
	t.Helper()
	s := &scenes{}
	raw, err := os.ReadFile("testdata/heat/scenes.json")
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/heat/scenes.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s.sheet, _, err = image.Decode(f); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scenes) tile(i int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, s.Side, s.Side))
	draw.Draw(m, m.Bounds(), s.sheet, image.Pt(i%s.Columns*s.Side, i/s.Columns*s.Side), draw.Src)
	return m
}

// points tells whether the middle of the strongest patch lies in a box. It is
// also where the heat is strongest when it is drawn smoothly.
func points(w, h int, heat []float32, box [4]float64) bool {
	i := slices.Index(heat, slices.Max(heat))
	return inside(box, (float64(i%w)+0.5)/float64(w), (float64(i/w)+0.5)/float64(h))
}

func inside(box [4]float64, x, y float64) bool {
	return x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]
}

// TestPointing plays the pointing game with the built-in model: of scenes that it
// has not been trained on, each object that is named alone. It is compared with
// the middle of the picture and with another object's name.
func TestPointing(t *testing.T) {
	if set := os.Getenv("EMBLEM_KERNELS"); set != "" {
		t.Skipf("kernels %s are asked for; this is about the model, not about them, and slow ones take minutes", set)
	}
	d, err := Load(context.Background(), "../internal/builtin/search", Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := openScenes(t)
	var texts []string
	for _, scene := range s.Scenes {
		for _, o := range scene {
			texts = append(texts, o.Text)
		}
	}
	vectors, err := d.EmbedTexts(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var hits, centre, shuffled, n int
	for i, scene := range s.Scenes {
		px, err := d.Preprocess(s.tile(i))
		if err != nil {
			t.Fatal(err)
		}
		w, h, patches, err := d.vision.Patches(context.Background(), px)
		if err != nil {
			t.Fatal(err)
		}
		Normalize(patches)
		for k, o := range scene {
			other := vectors[(n+len(vectors)/2)%len(vectors)]
			count(&hits, points(w, h, cosines(patches, vectors[n]), o.Box))
			count(&shuffled, points(w, h, cosines(patches, other), o.Box))
			count(&centre, inside(o.Box, 0.5, 0.5))
			if i == 0 && k == 0 {
				if _, _, heat, err := d.Heat(context.Background(), px, other); err != nil || !slices.Equal(heat, cosines(patches, other)) {
					t.Fatalf("Heat is not the patches' cosines: %v", err)
				}
			}
			n++
		}
	}
	share := func(k int) float64 { return float64(k) / float64(n) }
	t.Logf("%d pairs: %.3f of the words point at their object; the centre %.3f, other words %.3f", n, share(hits), share(centre), share(shuffled))
	if n < 300 || share(hits) < 0.8 || hits < 2*centre || hits < 2*shuffled {
		t.Error("less than 0.8, or than twice a baseline")
	}
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}

// TestHeatRefuses a text of another model.
func TestHeatRefuses(t *testing.T) {
	d := references(t)[0].open(t, Options{})
	if _, _, _, err := d.Heat(context.Background(), vit.Pixels{}, make([]float32, d.Dim()+1)); err == nil {
		t.Error("a vector of another length was taken")
	}
}
