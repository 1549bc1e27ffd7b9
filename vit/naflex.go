package vit

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// NaFlex is SigLIP 2 that keeps a picture's shape (arXiv 2502.14786, section 2.4.2): the picture becomes as many
// patches as the budget has room for, and the table of positions is resized to its rows and columns.

// readSigLIP2 reads Siglip2Config of transformers. The side is that of the square
// which the table of positions stands for.
func readSigLIP2(raw []byte) (config, error) {
	c, v, err := readSigLIPVision(raw)
	if err != nil {
		return c, err
	}
	grid := int(math.Sqrt(float64(v.Patches)))
	if v.Patches < 1 || v.Patches > limit || grid*grid != v.Patches {
		return c, fmt.Errorf("vit: config.json: vision_config.num_patches %d is not the square of a number of rows", v.Patches)
	}
	c.flex, c.side = true, grid*c.patch
	return c, c.check("config.json: vision_config")
}

// hfSigLIP2 is a Siglip2Model of transformers: SigLIP with a linear layer for
// patches that come as rows of (y, x, colour).
var hfSigLIP2 = func() weights.Layout {
	l := hfSigLIP
	l.Name = "SigLIP 2 NaFlex (transformers)"
	l.Rules = append([]weights.Rule{
		{To: "patch_embed.proj.weight", From: weights.From("vision_model.embeddings.patch_embedding.weight")},
	}, l.Rules...)
	return l
}()

// fitPatches scales a picture, by one factor for both sides but for the rest of a
// patch, to the largest size of at most most patches. The search is the
// reference's: get_image_size_for_max_num_patches.
func fitPatches(patch, most int, f picture.Filter) step {
	fit := func(scale float64, n int) int {
		return max(patch, int(math.Ceil(float64(n)*scale/float64(patch)))*patch)
	}
	return step{fmt.Sprintf("resize to at most %d patches of %d pixels, keeping the shape, %v", most, patch, f), func(fr *frame) {
		const eps = 1e-5
		lo, hi := eps/10, 100.0
		for hi-lo >= eps {
			scale := (lo + hi) / 2
			if fit(scale, fr.w)/patch*(fit(scale, fr.h)/patch) <= most {
				lo = scale
			} else {
				hi = scale
			}
		}
		fr.resize(fit(lo, fr.w), fit(lo, fr.h))
	}}
}

// maxPixels bounds what a budget of patches may ask for.
const maxPixels = 1 << 24

// flexSteps are the steps of Siglip2ImageProcessor.
func (r processor) flexSteps(where string, c config) (*Preprocess, error) {
	switch {
	case !r.Resize:
		return nil, fmt.Errorf("vit: %s: do_resize: false is not supported", where)
	case r.Patch != c.patch:
		return nil, fmt.Errorf("vit: %s: patch_size is %d; the model's patches have %d pixels", where, r.Patch, c.patch)
	case r.MaxPatches < 1 || r.MaxPatches > maxPixels/(r.Patch*r.Patch):
		return nil, fmt.Errorf("vit: %s: max_num_patches is %d, want 1 to %d", where, r.MaxPatches, maxPixels/(r.Patch*r.Patch))
	}
	p, err := r.normalization(where)
	if err != nil {
		return nil, err
	}
	p.steps = []step{fitPatches(r.Patch, r.MaxPatches, p.filter)}
	p.patch, p.most = r.Patch, r.MaxPatches
	p.side = int(math.Sqrt(float64(r.MaxPatches))) * r.Patch
	return p, p.checkScale(where)
}

// within is p with another budget of patches.
func (p *Preprocess) within(most int) *Preprocess {
	q := *p
	q.steps, q.most, q.published = []step{fitPatches(p.patch, most, p.filter)}, most, p
	q.side = int(math.Sqrt(float64(most))) * p.patch
	return &q
}

// Published is the way that was published, where p is one with another budget of
// patches: vectors of both are of one space.
func (p *Preprocess) Published() *Preprocess {
	if p.published != nil {
		return p.published
	}
	return p
}

// grid is the columns and rows of patches of a picture's pixels.
func (c config) grid(px Pixels) (w, h int) { return px.W / c.patch, px.H / c.patch }

// embedFlex cuts pictures of any shape into patches and projects them, each with
// the table of positions at its own size, into x (B, L, C). What lies behind a
// picture's last patch is no part of it; it is zero before the projection.
func (n *net) embedFlex(s *tensor.Stream, in input, x tensor.Tensor) {
	c, l := n.config, x.Dim(1)
	patches := s.NewDense(s.Activations(n.Patch.Kind), x.Dim(0)*l, n.Patch.In) // (B·L, P·P·3)
	rows := make([]float32, x.Dim(0)*l*c.width)
	for i, px := range in.pictures {
		gw, gh := c.grid(px)
		last := i*l + gw*gh
		n.cut(s, px, in, patches.Slice(i*l, last))
		if rest := (i+1)*l - last; rest > 0 {
			blank := input{} // a scale and shift of zero
			n.cut(s, Pixels{rest * c.patch, c.patch, make([]byte, rest*n.Patch.In)}, blank, patches.Slice(last, (i+1)*l))
		}
		n.positions(rows[i*l*c.width:], gw, gh)
	}
	tensor.Put(s, x, rows)
	s.Do(&tensor.Linear{X: patches, W: n.Patch.W, Res: x, Y: x})
}

// cut writes the patches of one picture to y (patches, P·P·3).
func (n *net) cut(s *tensor.Stream, px Pixels, in input, y tensor.Tensor) {
	defer s.Release(s.Mark())
	u := s.NewDense(tensor.U8, 1, px.H, px.W*3)
	tensor.Put(s, u, px.RGB)
	s.Do(&tensor.Patchify{X: u, Patch: n.config.patch, Scale: in.scale, Shift: in.shift, Y: y.Reshape(1, y.Rows(), y.Cols())})
}

// positions writes the table of positions for h rows of w patches, with the bias
// of the patches added in, to the start of y.
func (n *net) positions(y []float32, w, h int) {
	grid, c := n.config.side/n.config.patch, n.config.width
	across := resizeRows(n.Pos.Data, grid, grid, w, c) // (grid, w, C)
	y = y[:h*w*c]
	copy(y, resizeRows(across, 1, grid, h, w*c)) // (h, w, C)
	for i := range y {
		y[i] += n.Bias.Data[i%c]
	}
}

// resizeRows resizes the middle dimension of x (outer, from, inner) to to, as
// torch's bilinear interpolation with antialias does: a triangle as wide as a step
// of the source, or one pixel where the result is finer, cut off at the edges.
func resizeRows(x []float32, outer, from, to, inner int) []float32 {
	y := make([]float32, outer*to*inner)
	scale := float32(from) / float32(to)
	support := max(scale, 1)
	for i := range to {
		centre := scale * (float32(i) + 0.5)
		lo := max(int(centre-support+0.5), 0)
		taps := make([]float32, min(int(centre+support+0.5), from)-lo)
		total := float32(0)
		for j := range taps {
			d := (float32(j+lo) - centre + 0.5) / support
			taps[j] = max(0, 1-float32(math.Abs(float64(d))))
			total += taps[j]
		}
		for j, t := range taps {
			for o := range outer {
				addScaled(y[(o*to+i)*inner:][:inner], x[(o*from+lo+j)*inner:][:inner], t/total)
			}
		}
	}
	return y
}

// addScaled adds a·x to y.
func addScaled(y, x []float32, a float32) {
	for i, v := range x {
		y[i] += a * v
	}
}

// lens is how many patches each picture has, for models in which that differs.
func (n *net) lens(s *tensor.Stream, in input) nn.Mask {
	if !n.config.flex {
		return nn.Mask{}
	}
	l := make([]int32, len(in.pictures))
	for i, px := range in.pictures {
		w, h := n.config.grid(px)
		l[i] = int32(w * h)
	}
	t := s.NewDense(tensor.I32, len(l)) // (B)
	tensor.Put(s, t, l)
	return nn.Mask{Lens: t}
}
