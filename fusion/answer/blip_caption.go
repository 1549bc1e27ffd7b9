package answer

import (
	"context"
	"image"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// blipCaptioner is BlipForConditionalGeneration of transformers: the decoder attends to
// the picture itself.
type blipCaptioner struct {
	tower     *vit.Encoder
	decoder   *decoder.Decoder
	tokenizer *text.Tokenizer
}

// openBLIPCaptioner opens a BlipForConditionalGeneration.
func openBLIPCaptioner(ctx context.Context, f folder) (net, error) {
	b := &blipCaptioner{}
	tower, decoder, err := openTowerAndDecoder(ctx, f)
	b.tower, b.decoder = tower, decoder
	if err == nil {
		b.tokenizer, err = decoder.Tokenizer()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// openTowerAndDecoder opens both parts of a folder that has no others. What fails is to
// be closed too.
func openTowerAndDecoder(ctx context.Context, f folder) (*vit.Encoder, *decoder.Decoder, error) {
	o := f.options
	tower, errTower := vit.Load(ctx, f.Dir, vit.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache})
	dec, err := decoder.Load(ctx, f.Dir, decoder.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache, CacheTokens: o.CacheTokens})
	return tower, dec, weights.Join(errTower, err)
}

// close implements net.
func (b *blipCaptioner) close() {
	if b.tower != nil {
		b.tower.Close()
	}
	if b.decoder != nil {
		b.decoder.Close()
	}
}

// sizes implements net.
func (b *blipCaptioner) sizes() Sizes { return sizesOf(b.tower, b.decoder) }

// sizesOf are the sizes of a model of a tower and a decoder.
func sizesOf(tower *vit.Encoder, d *decoder.Decoder) Sizes {
	return Sizes{
		DType: d.DType(), Bytes: tower.Bytes() + d.Bytes(), Parameters: tower.Parameters() + d.Parameters(), Context: d.Positions(), Pictures: 1, Tiles: 1,
		Steps: tower.Preprocess().Steps(), Bindings: slices.Concat(tower.Bindings(), d.Bindings()),
	}
}

// recipe implements net.
func (*blipCaptioner) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (b *blipCaptioner) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	return encodeWhole(ctx, b.tower, img)
}

// encodeWhole makes a state of all that a tower makes of a picture, which it looks at as
// a whole.
func encodeWhole(ctx context.Context, tower *vit.Encoder, img image.Image) (*ImageState, error) {
	px, err := tower.Preprocess().Apply(img)
	if err != nil {
		return nil, err
	}
	rows, err := tower.Sequence(ctx, []vit.Pixels{px})
	if err != nil {
		return nil, err
	}
	return &ImageState{Tiles: 1, Tokens: len(rows[0]) / tower.Width(), Features: rows[0]}, nil
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
