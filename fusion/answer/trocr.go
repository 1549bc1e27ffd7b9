package answer

import (
	"context"
	"strings"

	"github.com/emblem-search/emblem/text/decoder"
)

// trocr is a VisionEncoderDecoderModel of transformers: a vision transformer, and a
// decoder that attends to what that made of the picture, the tokens before the patches
// included (modeling_vision_encoder_decoder.py, modeling_trocr.py).
type trocr struct{ seer }

// openTrOCR opens a folder of one.
func openTrOCR(ctx context.Context, f folder) (net, error) {
	s, err := openSeer(ctx, f)
	t := &trocr{s}
	if err == nil {
		_, err = t.decoder.Tokenizer()
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// read implements reader.
func (t *trocr) read(ctx context.Context, state *ImageState, r Request) (Answer, error) {
	r.Source = &decoder.Source{Rows: state.Features, Key: state.Key}
	return generate(ctx, t.decoder, []int32{t.decoder.Start()}, r)
}

// answer implements net.
func (*trocr) answer(context.Context, []*ImageState, string, Request) (Answer, error) {
	return Answer{}, &UnsupportedError{"vision-encoder-decoder", "answer questions; they write down the text in a picture"}
}

// generate has a decoder continue ids.
func generate(ctx context.Context, d *decoder.Decoder, ids []int32, r Request) (Answer, error) {
	var out Answer
	var text strings.Builder
	u, err := d.CompleteTokens(ctx, ids, r.Request, func(piece decoder.Piece) error {
		out.IDs, out.LogProb, out.Finish = append(out.IDs, piece.ID), out.LogProb+float64(piece.LogProb), piece.Finish
		text.WriteString(piece.Text)
		return r.Each(piece)
	})
	out.Text, out.Usage = strings.TrimSpace(text.String()), Usage{Usage: u}
	return out, err
}
