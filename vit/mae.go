package vit

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/emblem-search/emblem/internal/mersenne"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// MAE is a masked autoencoder (arXiv 2111.06377): an encoder that sees a few
// patches of a picture, and a decoder that paints the others. It is safe for
// concurrent use.
type MAE struct {
	*Encoder
	decoder *decoder
	ratio   float64 // the share of patches that is masked in training
	source  io.Closer
	ready   func() error // reads the decoder's weights, once
}

// decoder paints pictures, under the names of MAE's authors.
type decoder struct {
	Embed  nn.Linear        `weight:"decoder_embed"`     // (D, C)
	Mask   weights.Constant `weight:"mask_token"`        // (1, D)
	Pos    weights.Constant `weight:"decoder_pos_embed"` // (L, D)
	Blocks []nn.Block       `weight:"decoder_blocks"`
	Norm   nn.LayerNorm     `weight:"decoder_norm"`
	Pred   nn.Linear        `weight:"decoder_pred"` // (P·P·3, D)

	config    config
	normalize bool // pixels are predicted less the mean of their patch, over its deviation
}

// readDecoder reads the decoder's part of ViTMAEConfig; c is the encoder's.
func readDecoder(raw []byte, c config) (d config, ratio float64, normalize bool, err error) {
	v := struct {
		Width     int     `json:"decoder_hidden_size"`
		Layers    int     `json:"decoder_num_hidden_layers"`
		Heads     int     `json:"decoder_num_attention_heads"`
		Hidden    int     `json:"decoder_intermediate_size"`
		Ratio     float64 `json:"mask_ratio"`
		Normalize bool    `json:"norm_pix_loss"`
	}{512, 8, 16, 2048, 0.75, false}
	if err := weights.Decode("config.json", raw, &v); err != nil {
		return d, 0, false, err
	}
	d = c
	d.width, d.layers, d.heads, d.hidden = v.Width, v.Layers, v.Heads, v.Hidden
	return d, v.Ratio, v.Normalize, d.check("config.json: the decoder")
}

func newDecoder(d, c config, normalize bool, p nn.Precision) *decoder {
	b := nn.BlockConfig{Width: d.width, Heads: d.heads, Hidden: d.hidden, Act: d.act, NoQKVBias: d.noQKVBias, Eps: d.eps}
	return &decoder{
		Embed: nn.NewLinear(c.width, d.width, true, p.Edge), Mask: weights.Constant{Shape: []int{1, d.width}},
		Pos:    weights.Constant{Shape: []int{1 + d.patches(), d.width}},
		Blocks: nn.NewBlocks(d.layers, b, p), Norm: nn.NewLayerNorm(d.width, d.eps),
		Pred:   nn.NewLinear(d.width, d.patch*d.patch*3, true, p.Edge),
		config: d, normalize: normalize,
	}
}

// LoadMAE reads a masked autoencoder with its decoder from a model's folder.
func LoadMAE(ctx context.Context, dir string, o Options) (*MAE, error) {
	folder := weights.Folder{Dir: dir, FS: o.FS}
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	if conf.Family != "vit_mae" {
		return nil, fmt.Errorf("vit: model_type %q is no masked autoencoder; only vit_mae, such as facebook/vit-mae-base, has a decoder that paints", conf.Family)
	}
	e, err := Load(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	m := &MAE{Encoder: e}
	if err := m.bind(folder, conf); err != nil {
		m.Close()
		return nil, err
	}
	if !o.Lazy {
		if err := m.Ready(); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// bind finds the decoder's tensors.
func (m *MAE) bind(folder weights.Folder, conf weights.Config) error {
	d, ratio, normalize, err := readDecoder(conf.Raw, m.net.config)
	if err != nil {
		return err
	}
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	m.source = set
	layout, ok := weights.Pick(set, maeDecoders...)
	if !ok {
		return fmt.Errorf("vit: the folder has no decoder (ViTMAEModel): it makes features, but paints no pictures")
	}
	m.ratio, m.decoder = ratio, newDecoder(d, m.net.config, normalize, m.precision)
	plan, err := weights.Match(set, layout, m.decoder)
	if err != nil {
		return err
	}
	m.ready = sync.OnceValue(func() error {
		defer set.Close()
		return plan.Load(m.pool)
	})
	return nil
}

// Ready reads the weights of both halves.
func (m *MAE) Ready() error {
	if err := m.Encoder.Ready(); err != nil {
		return err
	}
	return m.ready()
}

// Close frees the weights.
func (m *MAE) Close() error {
	err := m.Encoder.Close()
	if m.source == nil {
		return err
	}
	m.source.Close()
	return err
}

// MaskRatio is the share of patches that the model was trained to paint.
func (m *MAE) MaskRatio() float64 { return m.ratio }

// Mask chooses the patches that are masked, as torch does with a seed: noise for each
// patch, and those with the lowest are kept. kept are the patches that the encoder
// sees, in the order of their noise.
func (m *MAE) Mask(ratio float64, seed uint64) (kept []int, err error) {
	l := m.net.config.patches()
	n := int(float64(l) * (1 - ratio))
	if !(ratio >= 0) || n < 1 || n > l {
		return nil, fmt.Errorf("vit: a mask ratio of %v leaves %d of %d patches, want at least one and a ratio of at least 0", ratio, max(n, 0), l)
	}
	noise := mersenne.New(seed).Uniform(l)
	all := make([]int, l)
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int {
		switch {
		case noise[a] < noise[b]:
			return -1
		case noise[a] > noise[b]:
			return 1
		}
		return 0
	})
	return all[:n], nil
}

// Paint is the decoder's idea of a whole picture, by a few of its patches: for each
// patch its normalised pixels, (L, P·P·3), rows first, colours last.
func (m *MAE) Paint(ctx context.Context, px Pixels, kept []int) ([][]float32, error) {
	if err := m.fits(px); err != nil {
		return nil, err
	}
	if err := m.Ready(); err != nil {
		return nil, err
	}
	l, cols := m.net.config.patches(), m.decoder.Pred.Weight.Out
	flat := make([]float32, (1+l)*cols)
	err := m.pool.Device().Run(ctx, m.lane, func(s *tensor.Stream) error {
		y := s.New(tensor.F32, 1+l, cols) // (1+L, P·P·3)
		h := s.New(tensor.F32, 1+len(kept), m.net.config.width)
		m.net.visible(s, m.input([]Pixels{px}), kept, h)
		m.decoder.forward(s, h, kept, y)
		return tensor.Get(s, flat, y)
	})
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(flat[cols:], cols)), nil
}

// visible encodes the class token and the kept patches of a picture into h (1+K, C).
func (n *net) visible(s *tensor.Stream, in input, kept []int, h tensor.Tensor) {
	defer s.Release(s.Mark())
	c := n.config
	whole := s.New(tensor.F32, 1, c.length(in), c.width) // (1, 1+L, C)
	n.embed(s, in, whole)
	rows := []int32{0}
	for _, p := range kept {
		rows = append(rows, int32(c.lead()+p))
	}
	nn.Gather(s, whole, rows, h)
	n.blocks(s, h.Reshape(1, len(rows), c.width), len(n.Blocks), nn.Mask{})
	n.Norm.Forward(s, h, h)
}

// forward paints from h (1+K, C), the class token and the kept patches, into y
// (1+L, P·P·3); the row of the class token means nothing.
func (d *decoder) forward(s *tensor.Stream, h tensor.Tensor, kept []int, y tensor.Tensor) {
	defer s.Release(s.Mark())
	seen, l, c := h.Dim(0), y.Dim(0), d.config.width
	table := s.NewDense(tensor.F32, seen+1, c) // what is seen, then the mask token
	d.Embed.Forward(s, h, tensor.NoAct, tensor.Tensor{}, table.Slice(0, seen))
	s.Do(&tensor.Copy{X: d.Mask.T, Y: table.Slice(seen, seen+1)})
	rows := make([]int32, l)
	for i := range rows {
		rows[i] = int32(seen)
	}
	rows[0] = 0
	for i, p := range kept {
		rows[1+p] = int32(1 + i)
	}
	ids := s.NewDense(tensor.I32, l)
	tensor.Put(s, ids, rows)
	x := s.New(tensor.F32, 1, l, c) // (1, 1+L, D), the residual stream
	s.Do(&tensor.Embed{Table: table, IDs: ids, Add: d.Pos.T, Y: x})
	for i := range d.Blocks {
		d.Blocks[i].Forward(s, x, nn.Mask{})
	}
	d.Norm.Forward(s, x, x)
	d.Pred.Forward(s, x.Reshape(l, c), tensor.NoAct, tensor.Tensor{}, y)
}

// Reconstruction is a picture that was masked and painted again.
type Reconstruction struct {
	Original Pixels  // what the model sees of the file
	Masked   Pixels  // the same with its masked patches grey
	Painted  Pixels  // the decoder's idea of all patches
	Pasted   Pixels  // the kept patches, and the decoder's idea of the others
	Kept     []int   // the patches that were not masked, row by row
	Loss     float64 // mean squared error of the masked patches, normalised pixels; 0 if none was masked
}

// Reconstruct masks a picture and paints it again.
func (m *MAE) Reconstruct(ctx context.Context, px Pixels, ratio float64, seed uint64) (Reconstruction, error) {
	kept, err := m.Mask(ratio, seed)
	if err != nil {
		return Reconstruction{}, err
	}
	painted, err := m.Paint(ctx, px, kept)
	if err != nil {
		return Reconstruction{}, err
	}
	r := Reconstruction{Original: px, Masked: grey(px.W, px.H), Painted: grey(px.W, px.H), Pasted: grey(px.W, px.H), Kept: kept}
	c, masked := m.net.config, 0
	w, _ := c.grid(px)
	for p := range painted {
		x, y := p%w*c.patch, p/w*c.patch
		truth := m.patch(px, x, y)
		pixels := painted[p]
		if m.decoder.normalize {
			pixels = denormalized(pixels, truth)
		}
		m.paste(r.Painted, pixels, x, y)
		seen := slices.Contains(kept, p)
		if seen {
			paste(r.Masked, px, x, y, c.patch)
			paste(r.Pasted, px, x, y, c.patch)
			continue
		}
		paste(r.Pasted, r.Painted, x, y, c.patch)
		masked++
		r.Loss += loss(painted[p], truth, m.decoder.normalize)
	}
	r.Loss /= float64(max(masked, 1))
	slices.Sort(r.Kept)
	return r, nil
}

// grey is a picture of w×h pixels without anything on it.
func grey(w, h int) Pixels {
	p := Pixels{w, h, make([]byte, 3*w*h)}
	for i := range p.RGB {
		p.RGB[i] = 128
	}
	return p
}

// patch is a patch's normalised pixels, (P·P·3).
func (m *MAE) patch(px Pixels, x, y int) []float32 {
	scale, shift := m.preprocess.affine()
	size := m.net.config.patch
	out := make([]float32, 0, size*size*3)
	for row := range size {
		for i, b := range px.RGB[((y+row)*px.W+x)*3:][:size*3] {
			out = append(out, float32(b)*scale[i%3]+shift[i%3])
		}
	}
	return out
}

// paste puts normalised pixels of a patch into a picture.
func (m *MAE) paste(to Pixels, pixels []float32, x, y int) {
	scale, shift := m.preprocess.affine()
	row := 3 * m.net.config.patch
	for i, v := range pixels {
		b := math.RoundToEven(float64((v - shift[i%3]) / scale[i%3]))
		to.RGB[((y+i/row)*to.W+x)*3+i%row] = byte(min(max(b, 0), 255))
	}
}

// paste copies a patch of a picture.
func paste(to, from Pixels, x, y, size int) {
	for row := range size {
		at := ((y+row)*to.W + x) * 3
		copy(to.RGB[at:at+3*size], from.RGB[at:])
	}
}

// normOf is a patch's mean and deviation as training normalises by them.
func normOf(truth []float32) (mean, deviation float64) {
	for _, x := range truth {
		mean += float64(x) / float64(len(truth))
	}
	for _, x := range truth {
		deviation += (float64(x) - mean) * (float64(x) - mean) / float64(len(truth)-1)
	}
	return mean, math.Sqrt(deviation + 1e-6)
}

// denormalized undoes the normalisation by patch, with what the true patch says.
func denormalized(pixels, truth []float32) []float32 {
	mean, deviation := normOf(truth)
	out := make([]float32, len(pixels))
	for i, x := range pixels {
		out[i] = float32(float64(x)*deviation + mean)
	}
	return out
}

// loss is the mean squared error of a patch.
func loss(pixels, truth []float32, normalize bool) float64 {
	mean, deviation := 0.0, 1.0
	if normalize {
		mean, deviation = normOf(truth)
	}
	sum := 0.0
	for i, x := range pixels {
		d := float64(x) - (float64(truth[i])-mean)/deviation
		sum += d * d
	}
	return sum / float64(len(pixels))
}
