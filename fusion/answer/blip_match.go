package answer

import (
	"context"
	"image"
	"math"
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
)

// blipMatcher is BlipForImageTextRetrieval of transformers: the text is read by an
// encoder that looks at the picture, and a head says of its first token whether the two
// belong together (ITM of arXiv 2201.12086).
type blipMatcher struct {
	blip *blip // without its decoder
	head *matchHead
	part *part // the head's
}

// matchHead tells that a text is not about a picture, and that it is.
type matchHead struct {
	Weight weights.Host `weight:"weight"` // (2, C)
	Bias   weights.Host `weight:"bias"`   // (2)
}

// openBLIPMatcher opens a BlipForImageTextRetrieval.
func openBLIPMatcher(ctx context.Context, f folder) (net, error) {
	m := &blipMatcher{blip: &blip{}}
	if err := m.open(ctx, f); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *blipMatcher) open(ctx context.Context, f folder) error {
	b := m.blip
	var errTower, err error
	b.tower, errTower = f.tower(ctx)
	if err := weights.Join(errTower, b.openQuestion(f)); err != nil {
		return err
	}
	m.head = &matchHead{weights.Host{Shape: []int{2, b.config.width}}, weights.Host{Shape: []int{2}}}
	if m.part, err = f.part("match.", matchLayout, func(nn.Precision) any { return m.head }); err != nil {
		return err
	}
	b.params += m.part.params
	if b.tokenizer, err = text.LoadTokenizerFS(f.files(), text.TokenizerOptions{}); err != nil {
		return err
	}
	b.sights = newSights(b)
	return nil
}

// matchLayout is the head of a BlipForImageTextRetrieval. The projections that compare
// vectors are of the same folder, and nothing here compares any.
var matchLayout = weights.Layout{
	Name:    "BLIP (transformers)",
	Rules:   []weights.Rule{{To: "*", From: weights.From("itm_head.*")}},
	Ignore:  []string{"vision_proj.*", "text_proj.*"},
	Foreign: []string{"vision_model.**", "text_encoder.**"},
}

// close implements net.
func (m *blipMatcher) close() {
	m.blip.close()
	m.part.close()
}

// sizes implements net.
func (m *blipMatcher) sizes() Sizes {
	b := m.blip
	return Sizes{
		DType: b.tower.DType(), Bytes: b.tower.Bytes() + b.pool.Bytes(), Parameters: b.tower.Parameters() + b.params, Context: b.config.positions,
		Pictures: 1, Tiles: 1, Steps: b.tower.Preprocess().Steps(), Bindings: slices.Concat(b.tower.Bindings(), b.names),
	}
}

// recipe implements net.
func (*blipMatcher) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (m *blipMatcher) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	return encodeWhole(ctx, m.blip.tower, img)
}

// answer implements net.
func (*blipMatcher) answer(context.Context, []*ImageState, string, Request) (Answer, error) {
	return Answer{}, &UnsupportedError{"blip", "answer questions when they are made to compare pictures with texts; use one made for questions"}
}

// match implements matcher.
func (m *blipMatcher) match(ctx context.Context, state *ImageState, texts []string) ([]float32, error) {
	all := make([]float32, len(texts))
	for i, s := range texts {
		read, _, err := m.blip.ask(ctx, state, s)
		if err != nil {
			return nil, err
		}
		all[i] = m.head.probability(read.Rows[:m.blip.config.width])
	}
	return all, nil
}

// probability is that of "it is", of two logits that the first token's state x (C) makes.
func (h *matchHead) probability(x []float32) float32 {
	is := float64(h.Bias.Data[1]) - float64(h.Bias.Data[0])
	for i, v := range x {
		is += float64(v) * (float64(h.Weight.Data[len(x)+i]) - float64(h.Weight.Data[i]))
	}
	return float32(1 / (1 + math.Exp(-is)))
}
