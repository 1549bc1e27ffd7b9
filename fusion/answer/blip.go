package answer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"image"
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// blip is BLIP (arXiv 2201.12086) as BlipForQuestionAnswering of transformers has it: the
// question is read by an encoder that looks at the picture in every layer, the answer is
// written by a decoder that attends to the question's states.
//
// The original code begins questions with the token [ENC], transformers with [CLS]; so do
// we, since it is transformers that we are held to.
type blip struct {
	tower     *vit.Encoder
	decoder   *decoder.Decoder
	tokenizer *text.Tokenizer
	start     int32 // the token that answers begin with

	*part    // the question encoder's
	config   questionConfig
	question *questionNet
	sights   *sights
}

// openBLIP opens one of the models of BLIP, by the parts it has.
func openBLIP(ctx context.Context, f folder) (net, error) {
	set, err := f.Open(f.config.Stems...)
	if err != nil {
		return nil, err
	}
	_, matches := set.Get("itm_head.weight")
	_, asks := set.Get("text_encoder.embeddings.word_embeddings.weight")
	if err := set.Close(); err != nil {
		return nil, err
	}
	switch {
	case matches:
		return openBLIPMatcher(ctx, f)
	case !asks:
		return openBLIPCaptioner(ctx, f)
	}
	return openBLIPForQuestions(ctx, f)
}

// openBLIPForQuestions opens a BlipForQuestionAnswering.
func openBLIPForQuestions(ctx context.Context, f folder) (net, error) {
	b := &blip{}
	if err := b.open(ctx, f); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *blip) open(ctx context.Context, f folder) (err error) {
	var errTower, errDecoder error
	b.tower, errTower = f.tower(ctx)
	b.decoder, errDecoder = f.decoder(ctx)
	if err := weights.Join(errTower, errDecoder, b.openQuestion(f)); err != nil {
		return err
	}
	if b.tokenizer, err = b.decoder.Tokenizer(); err != nil {
		return err
	}
	b.start = b.decoder.Start()
	b.sights = newSights(b)
	return nil
}

// openQuestion reads the question encoder.
func (b *blip) openQuestion(f folder) (err error) {
	if b.config, err = readQuestion(f.config.Raw); err != nil {
		return err
	}
	b.part, err = f.part("question.", questionLayout, func(p nn.Precision) any {
		b.question = newQuestionNet(b.config, p)
		return b.question
	})
	return err
}

// close implements net.
func (b *blip) close() {
	if b.sights != nil {
		b.sights.close()
	}
	if b.tower != nil {
		b.tower.Close()
	}
	if b.decoder != nil {
		b.decoder.Close()
	}
	b.part.close()
}

// sizes implements net.
func (b *blip) sizes() Sizes {
	return Sizes{
		DType: b.decoder.DType(), Bytes: b.tower.Bytes() + b.pool.Bytes() + b.decoder.Bytes(), Parameters: b.tower.Parameters() + b.params + b.decoder.Parameters(),
		Context: b.config.positions, Pictures: 1, Tiles: 1, Steps: b.tower.Preprocess().Steps(),
		Bindings: slices.Concat(b.tower.Bindings(), b.names, b.decoder.Bindings()),
	}
}

// recipe implements net.
func (b *blip) recipe(int, int, PictureOptions) string { return "" }

// encode implements net: a state is what the tower makes of the picture's patches.
func (b *blip) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	return encodeWhole(ctx, b.tower, img)
}

// ask reads a question about a picture.
func (b *blip) ask(ctx context.Context, state *ImageState, question string) (*decoder.Source, int, error) {
	ids := b.tokenizer.Encode(question, true)
	if len(ids) > b.config.positions {
		return nil, 0, &decoder.TooLongError{Tokens: len(ids), Limit: b.config.positions, Apart: true}
	}
	seen, release, err := b.sights.of(ctx, state)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	rows := make([]float32, len(ids)*b.config.width)
	err = b.run(ctx, func(s *tensor.Stream) error {
		x := s.NewDense(tensor.F32, 1, len(ids), b.config.width) // (1, L, C)
		b.question.forward(s, ids, seen, x)
		return tensor.Get(s, rows, x)
	})
	h := sha256.New()
	h.Write(state.Key[:])
	_ = binary.Write(h, binary.LittleEndian, ids)
	return &decoder.Source{Rows: rows, Key: [32]byte(h.Sum(nil))}, len(ids), err
}

// answer implements net.
func (b *blip) answer(ctx context.Context, states []*ImageState, question string, r Request) (Answer, error) {
	source, n, err := b.ask(ctx, states[0], question)
	if err != nil {
		return Answer{}, err
	}
	r.Source = source
	out, err := generate(ctx, b.decoder, []int32{b.start}, r)
	out.Usage.Prompt, out.Usage.Pictures = n, states[0].Tokens
	return out, err
}

// rank implements ranker: the likelihood of each candidate, as in the rank mode of the
// original code, which only looks at fewer of them.
func (b *blip) rank(ctx context.Context, states []*ImageState, question string, candidates []string) ([]float64, error) {
	source, _, err := b.ask(ctx, states[0], question)
	if err != nil {
		return nil, err
	}
	ends := b.decoder.Ends()
	if len(ends) == 0 {
		return nil, errors.New("answer: the folder does not say which token ends an answer")
	}
	logs := make([]float64, len(candidates))
	for i, c := range candidates {
		list, err := b.decoder.Score(ctx, []int32{b.start}, append(b.tokenizer.Encode(c, false), ends[0]), decoder.Request{Source: source})
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			logs[i] += float64(l)
		}
	}
	return logs, nil
}
