package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
)

// vilt is ViltForQuestionAnswering: one forward pass over words and patches chooses among
// the answers that it was trained on. A state is the embedded picture; all else is
// computed for every question, since words and patches attend to each other.
type vilt struct {
	*part
	net       *viltNet
	pixels    viltPixels
	labels    []string
	tokenizer *text.Tokenizer
}

func openViLT(_ context.Context, f folder) (net, error) {
	v := &vilt{}
	if err := v.open(f); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *vilt) open(f folder) error {
	c, labels, err := readViLT(f.config.Raw)
	if err != nil {
		return err
	}
	v.labels = labels
	if v.pixels, err = readViLTPixels(f); err != nil {
		return err
	}
	if v.pixels.divisor%c.patch != 0 {
		return fmt.Errorf("size_divisor %d is not a multiple of patch_size %d", v.pixels.divisor, c.patch)
	}
	if v.tokenizer, err = text.LoadTokenizerFS(f.files(), text.TokenizerOptions{}); err != nil {
		return err
	}
	if v.part, err = f.part("", viltLayout, func(p nn.Precision) any {
		v.net = newViLTNet(c, p)
		return v.net
	}); err != nil {
		return err
	}
	return v.net.fold(v.pool)
}

// sizes implements net.
func (v *vilt) sizes() Sizes {
	return Sizes{
		DType: v.precision.Name, Bytes: v.pool.Bytes(), Parameters: v.params, Context: v.net.config.positions, Pictures: 1, Tiles: 1,
		Steps:    []string{fmt.Sprintf("resize the shorter side to %d, the longer one to at most 1333/800 of it, both cut to multiples of %d", v.pixels.short, v.pixels.divisor)},
		Bindings: v.names,
	}
}

// recipe implements net.
func (v *vilt) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (v *vilt) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	px, err := v.pixels.apply(img)
	if err != nil {
		return nil, err
	}
	n := 1 + px.W/v.net.config.patch*(px.H/v.net.config.patch)
	s := &ImageState{Tiles: 1, Tokens: n, Features: make([]float32, n*v.net.config.width)}
	return s, v.run(ctx, func(st *tensor.Stream) error {
		y := st.NewDense(tensor.F32, n, v.net.config.width) // (L, C)
		v.net.see(st, px, v.pixels, y)
		return tensor.Get(st, s.Features, y)
	})
}

// logits are those of all answers.
func (v *vilt) logits(ctx context.Context, state *ImageState, question string) ([]float32, int, error) {
	c := v.net.config
	ids := v.tokenizer.Encode(question, true)
	switch {
	case len(ids) > c.positions:
		return nil, 0, &decoder.TooLongError{Tokens: len(ids), Limit: c.positions, Apart: true}
	case len(state.Features) == 0 || len(state.Features)%c.width != 0:
		return nil, 0, errors.New("answer: a state is not of this model")
	}
	pooled, out := make([]float32, c.width), make([]float32, c.labels)
	err := v.run(ctx, func(s *tensor.Stream) error {
		y := s.NewDense(tensor.F32, 1, c.width) // (1, C)
		v.net.read(s, ids, state.Features, y)
		return tensor.Get(s, pooled, y)
	})
	if err != nil {
		return nil, 0, err
	}
	for i, x := range pooled {
		pooled[i] = float32(math.Tanh(float64(x)))
	}
	return out, len(ids), v.run(ctx, func(s *tensor.Stream) error {
		y := s.NewDense(tensor.F32, 1, c.labels) // (1, labels)
		v.net.weigh(s, pooled, y)
		return tensor.Get(s, out, y)
	})
}

// mostRanked are the alternatives that are told with an answer.
const mostRanked = 10

// answer implements net: the likeliest answer, its number in the place of tokens.
func (v *vilt) answer(ctx context.Context, states []*ImageState, question string, r Request) (Answer, error) {
	logits, n, err := v.logits(ctx, states[0], question)
	if err != nil {
		return Answer{}, err
	}
	all := make([]Ranked, len(logits))
	for i, x := range logits {
		all[i] = Ranked{v.labels[i], logSigmoid(x), math.Exp(logSigmoid(x))}
	}
	slices.SortStableFunc(all, func(a, b Ranked) int { return cmp.Compare(b.LogProb, a.LogProb) })
	best := decoder.Token{ID: int32(slices.Index(v.labels, all[0].Answer)), LogProb: float32(all[0].LogProb), Finish: decoder.Stop}
	a := Answer{
		Text: all[0].Answer, IDs: []int32{best.ID}, LogProb: all[0].LogProb, Finish: best.Finish, Ranked: all[:min(mostRanked, len(all))],
		Usage: Usage{decoder.Usage{Prompt: n, Generated: 1}, states[0].Tokens},
	}
	return a, r.Each(decoder.Piece{Token: best, Text: a.Text})
}

// logSigmoid is the logarithm of 1/(1 + e^−x): answers are weighed each by itself.
func logSigmoid(x float32) float64 { return -math.Log1p(math.Exp(-float64(x))) }

// rank implements ranker, for answers that the model knows.
func (v *vilt) rank(ctx context.Context, states []*ImageState, question string, candidates []string) ([]float64, error) {
	which := make([]int, len(candidates))
	for i, c := range candidates {
		if which[i] = slices.Index(v.labels, strings.ToLower(strings.TrimSpace(c))); which[i] < 0 {
			return nil, &decoder.RequestError{Param: "candidates", Message: fmt.Sprintf("%q is none of the %d answers that the model knows", c, len(v.labels))}
		}
	}
	logits, _, err := v.logits(ctx, states[0], question)
	if err != nil {
		return nil, err
	}
	logs := make([]float64, len(candidates))
	for i, k := range which {
		logs[i] = logSigmoid(logits[k])
	}
	return logs, nil
}
