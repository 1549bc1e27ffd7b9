package answer

import (
	"context"

	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
)

// blipCaptioner is BlipForConditionalGeneration of transformers: the decoder attends to
// the picture itself.
type blipCaptioner struct {
	seer
	tokenizer *text.Tokenizer
}

// openBLIPCaptioner opens a BlipForConditionalGeneration.
func openBLIPCaptioner(ctx context.Context, f folder) (net, error) {
	s, err := openSeer(ctx, f)
	b := &blipCaptioner{seer: s}
	if err == nil {
		b.tokenizer, err = b.decoder.Tokenizer()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// answer implements net.
func (*blipCaptioner) answer(context.Context, []*ImageState, string, Request) (Answer, error) {
	return Answer{}, &UnsupportedError{"blip", "answer questions when they are made for captions; use one made for questions"}
}

// captionTokens is how long a caption is, with its prefix, as transformers has it.
const captionTokens = 20

// caption implements captioner. As in transformers the token that decoded texts begin
// with takes the place of the tokenizer's.
func (b *blipCaptioner) caption(ctx context.Context, state *ImageState, prefix string, r Request) (Answer, error) {
	ids := append([]int32{b.decoder.Start()}, b.tokenizer.Encode(prefix, false)...)
	if r.MaxTokens == 0 && b.decoder.Defaults().MaxTokens == 0 {
		r.MaxTokens = max(captionTokens-len(ids), 1)
	}
	r.Source = &decoder.Source{Rows: state.Features, Key: state.Key}
	a, err := generate(ctx, b.decoder, ids, r)
	a.Usage.Pictures = state.Tokens
	a.Text = b.tokenizer.Decode(append(ids, a.IDs...), true)
	return a, err
}
