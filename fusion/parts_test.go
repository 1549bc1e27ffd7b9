package fusion

import (
	"context"
	"fmt"
	"image"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/emblem-search/emblem/vit"
)

// gallery is the scenes of the pointing game as the built-in model sees them: whole,
// and in parts.
type gallery struct {
	*scenes
	d     *DualEncoder
	whole [][]float32
	parts map[int][][][]float32 // by how many a picture has
}

func openGallery(t *testing.T, parts ...int) *gallery {
	t.Helper()
	if set := os.Getenv("EMBLEM_KERNELS"); set != "" {
		t.Skipf("kernels %s are asked for; this is about the model, not about them, and slow ones take minutes", set)
	}
	d, err := Load(context.Background(), "../internal/builtin/search", Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	g := &gallery{scenes: openScenes(t), d: d, parts: map[int][][][]float32{}}
	var tiles []image.Image
	for i := range g.Scenes {
		tiles = append(tiles, g.tile(i))
	}
	if g.whole, err = d.EmbedImages(context.Background(), tiles); err != nil {
		t.Fatal(err)
	}
	for _, n := range parts {
		if g.parts[n], err = d.EmbedParts(context.Background(), tiles, nil, n); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// shows tells whether a scene has an object of that kind.
func (g *gallery) shows(i int, kind string) bool {
	for _, o := range g.Scenes[i] {
		if kindOf(o.Text) == kind {
			return true
		}
	}
	return false
}

// kindOf is a phrase without its colour: its last word.
func kindOf(phrase string) string {
	words := strings.Fields(phrase)
	return words[len(words)-1]
}

// recall counts how often one of the best hits has what was looked for.
type recall struct{ first, five, n int }

func (r recall) String() string {
	return fmt.Sprintf("R@1 %.3f, R@5 %.3f", float64(r.first)/float64(r.n), float64(r.five)/float64(r.n))
}

// count ranks all scenes but one for an object of that kind.
func (g *gallery) count(r *recall, but int, kind string, score func(scene int) float64) {
	var order []int
	scores := make([]float64, len(g.Scenes))
	for i := range g.Scenes {
		if i != but {
			order, scores[i] = append(order, i), score(i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	r.n++
	for at, i := range order[:5] {
		if g.shows(i, kind) {
			count(&r.first, at == 0)
			r.five++
			return
		}
	}
}

// maxSim is the mean of the best cosines.
func maxSim(query, parts [][]float32) (sum float64) {
	for _, q := range query {
		best := -1.0
		for _, p := range parts {
			best = max(best, dot(q, p))
		}
		sum += best / float64(len(query))
	}
	return sum
}

// TestParts looks for the object in a region in other scenes: by the region's parts
// and by their mean, compared with the whole picture, and with the region cut out and
// encoded anew. It does the same with the object's name.
func TestParts(t *testing.T) {
	ctx := context.Background()
	g := openGallery(t, 0, 16)
	rows := map[string]*recall{}
	for i, scene := range g.Scenes {
		for _, o := range scene {
			kind := kindOf(o.Text)
			if !slices.ContainsFunc(seq(len(g.Scenes)), func(j int) bool { return j != i && g.shows(j, kind) }) {
				continue
			}
			add := func(name string, score func(int) float64) {
				if rows[name] == nil {
					rows[name] = &recall{}
				}
				g.count(rows[name], i, kind, score)
			}
			region := vit.Window{Left: o.Box[0], Top: o.Box[1], Right: o.Box[2], Bottom: o.Box[3]}
			parts, err1 := g.d.EmbedParts(ctx, []image.Image{g.tile(i)}, &region, 0)
			mean, err2 := g.d.EmbedParts(ctx, []image.Image{g.tile(i)}, &region, 1)
			side := float64(g.Side)
			cut := imaging.Crop(g.tile(i), image.Rect(int(o.Box[0]*side), int(o.Box[1]*side), int(o.Box[2]*side)+1, int(o.Box[3]*side)+1))
			crop, err3 := g.d.EmbedImages(ctx, []image.Image{cut})
			text, err4 := g.d.EmbedTexts(ctx, []string{o.Text})
			if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(mean[0]) != 1 {
				t.Fatal(err1, err2, err3, err4)
			}
			add("whole picture, whole pictures", func(j int) float64 { return dot(g.whole[i], g.whole[j]) })
			add("crop, whole pictures", func(j int) float64 { return dot(crop[0], g.whole[j]) })
			add("crop, parts", func(j int) float64 { return maxSim(crop, g.parts[0][j]) })
			add("region's mean, whole pictures", func(j int) float64 { return dot(mean[0][0], g.whole[j]) })
			add("region's parts, parts", func(j int) float64 { return maxSim(parts[0], g.parts[0][j]) })
			add("region's parts, 16 parts", func(j int) float64 { return maxSim(parts[0], g.parts[16][j]) })
			add("name, whole pictures", func(j int) float64 { return dot(text[0], g.whole[j]) })
			add("name, parts", func(j int) float64 { return maxSim(text, g.parts[0][j]) })
			add("name, 16 parts", func(j int) float64 { return maxSim(text, g.parts[16][j]) })
		}
	}
	for name, r := range rows {
		t.Logf("%-30s %v of %d", name, r, r.n)
	}
	for better, worse := range map[string]string{
		"region's parts, parts":         "crop, whole pictures",
		"region's mean, whole pictures": "whole picture, whole pictures",
		"name, parts":                   "name, whole pictures",
	} {
		if b, w := rows[better], rows[worse]; b.n < 150 || b.first <= w.first || b.five <= w.five {
			t.Errorf("%s (%v) is no better than %s (%v)", better, b, worse, w)
		}
	}
	if b, w := rows["region's parts, parts"], rows["crop, whole pictures"]; 2*b.first < 3*w.first {
		t.Errorf("a region finds its object first %d times, its crop %d times", b.first, w.first)
	}
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestPatchGrid: which patches a region takes, and how they are pooled.
func TestPatchGrid(t *testing.T) {
	g := patchGrid{0, 0, 4, 3, 4, make([][]float32, 12)}
	for i := range g.vectors {
		g.vectors[i] = []float32{float32(i), 1}
	}
	whole := vit.Window{Left: 0, Top: 0, Right: 1, Bottom: 1}
	for _, c := range []struct {
		seen, region vit.Window
		x, y, w, h   int
	}{
		{whole, whole, 0, 0, 4, 3},
		{whole, vit.Window{Left: 0, Top: 0, Right: 0.5, Bottom: 0.4}, 0, 0, 2, 1},
		{whole, vit.Window{Left: 0.3, Top: 0.4, Right: 0.32, Bottom: 0.41}, 1, 1, 1, 1},
		{vit.Window{Left: 0.25, Top: 0, Right: 0.75, Bottom: 1}, vit.Window{Left: 0, Top: 0, Right: 0.5, Bottom: 1}, 0, 0, 2, 3},
	} {
		got, err := g.within(c.seen, c.region)
		if err != nil || got.x != c.x || got.y != c.y || got.w != c.w || got.h != c.h {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	for _, bad := range []vit.Window{{Left: 0.5, Top: 0, Right: 0.5, Bottom: 1}, {Left: -0.1, Top: 0, Right: 0.5, Bottom: 1}, {Left: 0, Top: 0, Right: 1.1, Bottom: 1}} {
		if _, err := g.within(whole, bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if _, err := g.within(vit.Window{Left: 0.5, Top: 0, Right: 1, Bottom: 1}, vit.Window{Left: 0, Top: 0, Right: 0.3, Bottom: 1}); err == nil {
		t.Error("a region that the model does not see was taken")
	}
	for most, want := range map[int]int{0: 12, 12: 12, 100: 12, 6: 6, 4: 4, 1: 1} {
		if got := len(g.pooled(most)); got != want {
			t.Errorf("at most %d: %d parts, want %d", most, got, want)
		}
	}
}
