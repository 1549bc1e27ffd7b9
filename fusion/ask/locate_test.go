package ask

import (
	"context"
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/vit"
)

// TestPointing: the map of an answer points at what it is about, by both ways, and
// without that the answer is another.
func TestPointing(t *testing.T) {
	m, a := open(t)
	s, ctx := openScenes(t, "testdata"), context.Background()
	var n, patches, occluded, looked, boxed, turned, centre int
	for i, list := range s.Scenes {
		for _, x := range list {
			if x.Box == nil || x.Kind != Exist || (x.Box[2]-x.Box[0])*(x.Box[3]-x.Box[1]) > 0.35 {
				continue
			}
			state, err := Encode(ctx, ctx, m, s.tile(i), Options{})
			if err != nil {
				t.Fatal(err)
			}
			ans, err := a.Answer(ctx, x.Question, state, nil)
			if err != nil {
				t.Fatal(err)
			}
			if ans.Text != "yes" {
				continue
			}
			n++
			if in(*x.Box, 0.5, 0.5) {
				centre++
			}
			at, err := Locate(ctx, m, s.tile(i), ans.Where)
			if err != nil {
				t.Fatal(err)
			}
			if px, py := at.Peak(); in(*x.Box, px, py) {
				patches++
			}
			boxes := at.Boxes()
			if b := boxes[0]; in(*x.Box, (b.Left+b.Right)/2, (b.Top+b.Bottom)/2) {
				boxed++
			}
			without, err := Encode(ctx, ctx, m, Mask(s.tile(i), boxes), Options{})
			if err != nil {
				t.Fatal(err)
			}
			then, err := a.AnswerParsed(ctx, ans.Question, without)
			if err != nil {
				t.Fatal(err)
			}
			if then.Yes() < ans.Yes() {
				turned++
			}
			if looked++; looked > 12 { // many looks each
				continue
			}
			text, err := m.EmbedTexts(ctx, []string{ans.Where})
			if err != nil {
				t.Fatal(err)
			}
			at, err = Occlude(ctx, s.tile(i), 8, func(ctx context.Context, list []image.Image) ([]float64, error) {
				v, err := m.EmbedImages(ctx, list)
				if err != nil {
					return nil, err
				}
				return []float64{dot(v[0], text[0])}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if px, py := at.Peak(); in(*x.Box, px, py) {
				occluded++
			}
		}
	}
	t.Logf("%d answers: patches point at %d, the first box's middle at %d, the picture's at %d; masked, %d are less likely; occlusion points at %d of 12", n, patches, boxed, centre, turned, occluded)
	if n < 20 || patches*10 < n*7 || boxed*10 < n*6 || patches < 2*centre || turned*10 < n*8 || occluded < 7 {
		t.Error("the evidence does not point at what is asked about")
	}
}

func in(box [4]float64, x, y float64) bool {
	return x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]
}

func TestBoxes(t *testing.T) {
	m := Map{4, 2, []float32{0, 0.7, 0, 1, 0, 0.8, 0.1, 0}, vit.Window{Right: 1, Bottom: 1}}
	want := []vit.Window{{Left: 0.75, Top: 0, Right: 1, Bottom: 0.5}, {Left: 0.25, Top: 0, Right: 0.5, Bottom: 1}}
	if got := m.Boxes(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	m.At = vit.Window{Left: -0.5, Right: 1.5, Bottom: 1} // a model that pads sees more than there is
	for _, b := range m.Boxes() {
		if b.Left < 0 || b.Right > 1 {
			t.Errorf("%v lies outside of the picture", b)
		}
	}
	if got := (Map{2, 1, []float32{0, 0}, m.At}).Boxes(); got != nil {
		t.Errorf("%v where nothing stands out", got)
	}
}

func TestMask(t *testing.T) {
	img := image.NewRGBA(image.Rect(5, 5, 15, 15))
	for y := 5; y < 15; y++ {
		for x := 5; x < 15; x++ {
			img.SetRGBA(x, y, color.RGBA{200, 0, 0, 255})
		}
	}
	img.SetRGBA(5, 5, color.RGBA{0, 0, 0, 255})
	got := Mask(img, []vit.Window{{Left: 0, Top: 0, Right: 0.2, Bottom: 0.2}})
	if c := got.RGBAAt(0, 0); c != (color.RGBA{200, 0, 0, 255}) {
		t.Errorf("%v in the place of the mean colour", c)
	}
	if c := img.RGBAAt(5, 5); c.R != 0 {
		t.Error("the picture itself was changed")
	}
	Mask(img, []vit.Window{{Right: 1, Bottom: 1}}) // nothing is outside
	Mask(image.NewRGBA(image.Rect(0, 0, 1, 1)), []vit.Window{{Right: 1, Bottom: 1}})
}
