package answer

import (
	"context"
	"image"
	"strings"

	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// trocr is a VisionEncoderDecoderModel of transformers: a vision transformer, and a
// decoder that attends to what that made of the picture, the tokens before the patches
// included (modeling_vision_encoder_decoder.py, modeling_trocr.py).
type trocr struct {
	tower   *vit.Encoder
	decoder *decoder.Decoder
}

// openTrOCR opens a folder of one.
func openTrOCR(ctx context.Context, f folder) (net, error) {
	t := &trocr{}
	var err error
	if t.tower, t.decoder, err = openTowerAndDecoder(ctx, f); err == nil {
		_, err = t.decoder.Tokenizer()
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// close implements net.
func (t *trocr) close() {
	if t.tower != nil {
		t.tower.Close()
	}
	if t.decoder != nil {
		t.decoder.Close()
	}
}

// sizes implements net.
func (t *trocr) sizes() Sizes { return sizesOf(t.tower, t.decoder) }

// recipe implements net: pictures become of one size whatever the options are.
func (*trocr) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (t *trocr) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	return encodeWhole(ctx, t.tower, img)
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
