package models

import (
	"context"
	"image"
	"time"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/vit"
)

// with runs f with the weights in memory. f must not use another model of the same
// budget: two could wait for each other.
func (m *Model) with(ctx context.Context, f func(context.Context, *fusion.DualEncoder) error) error {
	if m.bulk {
		ctx = tensor.Yield(ctx)
	}
	if m.resident == nil {
		return f(ctx, m.DualEncoder)
	}
	model, release, err := m.resident.use(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f(ctx, model)
}

// vectors is with for what computes vectors.
func (m *Model) vectors(ctx context.Context, f func(context.Context, *fusion.DualEncoder) ([][]float32, error)) (out [][]float32, err error) {
	err = m.with(ctx, func(ctx context.Context, d *fusion.DualEncoder) (err error) {
		out, err = f(ctx, d)
		return err
	})
	return out, err
}

// EmbedImages encodes pictures, each to a vector of unit length.
func (m *Model) EmbedImages(ctx context.Context, pictures []image.Image) ([][]float32, error) {
	return m.vectors(ctx, func(ctx context.Context, d *fusion.DualEncoder) ([][]float32, error) {
		return d.EmbedImages(ctx, pictures)
	})
}

// EmbedTexts encodes texts, each to a vector of unit length.
func (m *Model) EmbedTexts(ctx context.Context, texts []string) ([][]float32, error) {
	return m.vectors(ctx, func(ctx context.Context, d *fusion.DualEncoder) ([][]float32, error) { return d.EmbedTexts(ctx, texts) })
}

// EmbedPixels encodes what Preprocess made, to vectors of unit length.
func (m *Model) EmbedPixels(ctx context.Context, px []vit.Pixels) ([][]float32, error) {
	return m.vectors(ctx, func(ctx context.Context, d *fusion.DualEncoder) ([][]float32, error) { return d.EmbedPixels(ctx, px) })
}

// EmbedTokens encodes token ids, to vectors of unit length.
func (m *Model) EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	return m.vectors(ctx, func(ctx context.Context, d *fusion.DualEncoder) ([][]float32, error) { return d.EmbedTokens(ctx, ids) })
}

// EmbedSignals encodes sounds and other signals, each to a vector of unit length.
func (m *Model) EmbedSignals(ctx context.Context, signals []fusion.Signal) ([][]float32, error) {
	return m.vectors(ctx, func(ctx context.Context, d *fusion.DualEncoder) ([][]float32, error) {
		return d.EmbedSignals(ctx, signals)
	})
}

// Heat says where in a picture a text is seen; see [fusion.DualEncoder.Heat].
func (m *Model) Heat(ctx context.Context, px vit.Pixels, text []float32) (w, h int, heat []float32, err error) {
	err = m.with(ctx, func(ctx context.Context, d *fusion.DualEncoder) (err error) {
		w, h, heat, err = d.Heat(ctx, px, text)
		return err
	})
	return w, h, heat, err
}

// EmbedParts encodes what the parts of pictures show; see [fusion.DualEncoder.EmbedParts].
func (m *Model) EmbedParts(ctx context.Context, pictures []image.Image, region *vit.Window, most int) (all [][][]float32, err error) {
	err = m.with(ctx, func(ctx context.Context, d *fusion.DualEncoder) (err error) {
		all, err = d.EmbedParts(ctx, pictures, region, most)
		return err
	})
	return all, err
}

// Wake brings the weights into memory, if they are not there.
func (m *Model) Wake(ctx context.Context) error {
	return m.with(ctx, func(_ context.Context, d *fusion.DualEncoder) error { return d.Ready() })
}

// KeepAlive says how long the weights stay in memory after their last use, below 0
// until others need the room; the next use forgets it. Without a Budget it does
// nothing.
func (m *Model) KeepAlive(d time.Duration) {
	if m.resident != nil {
		m.resident.keepAlive(d)
	}
}

// Memory says whether the weights are in memory and what they take.
func (m *Model) Memory() Memory {
	if m.resident == nil {
		return Memory{Loaded: true, Bytes: int64(m.Bytes()), Loads: 1}
	}
	return m.resident.memory()
}
