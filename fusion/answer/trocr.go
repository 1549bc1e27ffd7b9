package answer

import (
	"context"
	"errors"
	"image"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/weights"
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
	o, t := f.options, &trocr{}
	var errTower, err error
	var misfit *weights.Error
	t.tower, errTower = vit.Load(ctx, f.Dir, vit.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache})
	if errTower == nil || errors.As(errTower, &misfit) { // what the decoder lacks is told with it
		t.decoder, err = decoder.Load(ctx, f.Dir, decoder.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache, CacheTokens: o.CacheTokens})
		errTower = weights.Join(errTower, err)
	}
	if errTower == nil {
		_, errTower = t.decoder.Tokenizer()
	}
	if errTower != nil {
		t.close()
		return nil, errTower
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
func (t *trocr) sizes() Sizes {
	return Sizes{
		DType: t.decoder.DType(), Bytes: t.tower.Bytes() + t.decoder.Bytes(), Parameters: t.tower.Parameters() + t.decoder.Parameters(),
		Context: t.decoder.Positions(), Pictures: 1, Tiles: 1, Steps: t.tower.Preprocess().Steps(),
		Bindings: slices.Concat(t.tower.Bindings(), t.decoder.Bindings()),
	}
}

// recipe implements net: pictures become of one size whatever the options are.
func (*trocr) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (t *trocr) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	px, err := t.tower.Preprocess().Apply(img)
	if err != nil {
		return nil, err
	}
	rows, err := t.tower.Sequence(ctx, []vit.Pixels{px})
	if err != nil {
		return nil, err
	}
	return &ImageState{Tiles: 1, Tokens: len(rows[0]) / t.tower.Width(), Features: rows[0]}, nil
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
