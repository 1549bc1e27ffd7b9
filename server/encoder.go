package server

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/batch"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// Embedder is a model of pictures and words. Its methods may be called from many
// goroutines.
type Embedder interface {
	// Name is the model's public name.
	Name() string
	// Fingerprint names the space that its vectors live in.
	Fingerprint() string
	// Dim is the length of a vector.
	Dim() int
	// ImageSide is the side of a picture in pixels, as the model takes it;
	// ImageTokens is the number of patches that one is cut into.
	ImageSide() int
	ImageTokens() int
	// EncodeText turns a text into token ids; truncated says that its end was
	// dropped, because the model reads no more.
	EncodeText(text string) (ids []int32, truncated bool, err error)
	// EmbedTokens encodes token ids to vectors of unit length.
	EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error)
	// Preprocess brings a picture to the model's pixels.
	Preprocess(image.Image) (vit.Pixels, error)
	// EmbedPixels encodes what Preprocess made to vectors of unit length.
	EmbedPixels(ctx context.Context, pixels []vit.Pixels) ([][]float32, error)
	// Logits scores pictures against texts as the model was trained to;
	// Probabilities turns a row of logits into probabilities.
	Logits(pictures, texts [][]float32) [][]float32
	Probabilities(logits []float32) []float32
}

// Wordless is an Embedder that may know pictures only: then its EncodeText fails
// with a sentence for the client.
type Wordless interface{ PicturesOnly() bool }

// encoder is a model with the queues before it. Texts and pictures wait apart, so
// that a search's words do not wait for somebody's folder.
type encoder struct {
	Embedder
	texts    *batch.Queue[[]int32, []float32]
	pictures *batch.Queue[*photo, []float32]
	decoding *semaphore.Weighted // bytes of decoded pictures
	canary   canary

	askOnce  sync.Once
	answerer *ask.Answerer // see asked
}

// photo is a picture that waits: its file until somebody has to decode it, then
// the model's pixels. It may be a sound, for a model that hears.
type photo struct {
	key    batch.Key
	file   []byte
	pixels *vit.Pixels
	signal *fusion.Signal // of a sound
}

const (
	textBatch     = 64
	pictureBatch  = 16
	cachedVectors = 1 << 14
	decodeBudget  = 512 << 20 // bytes of decoded pictures at once
)

func newEncoder(e Embedder, queue int, wait time.Duration, t tracing) *encoder {
	texts, pictures := queue, queue
	if queue == 0 {
		texts, pictures = 2*maxInputs, 2*maxPictures // a whole request has to fit beside others; pictures wait as pixels
	}
	c := &encoder{Embedder: e, decoding: semaphore.NewWeighted(decodeBudget), canary: canary{model: e}}
	c.texts = batch.New(forward(e.EmbedTokens), batch.Options[[]int32]{Key: tokensKey, Size: textBatch, Wait: wait, Queue: texts, Cache: cachedVectors, Shared: blameless, Begin: t.batchBegin(e.Name(), "text")})
	c.pictures = batch.New(forward(c.embedPhotos), batch.Options[*photo]{Key: func(p *photo) batch.Key { return p.key }, Size: pictureBatch, Wait: wait, Queue: pictures, Cache: cachedVectors, Shared: blameless, Begin: t.batchBegin(e.Name(), "image")})
	return c
}

func (c *encoder) close() {
	c.texts.Close()
	c.pictures.Close()
}

// tokensKey is the key of token ids.
func tokensKey(ids []int32) batch.Key {
	b := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return sha256.Sum256(b)
}

// embedPhotos computes a batch of pictures. One whose result was known when it
// came, and is not any more, is decoded here.
func (c *encoder) embedPhotos(ctx context.Context, photos []*photo) ([][]float32, error) {
	var pixels []vit.Pixels
	var at []int
	for i, p := range photos {
		if p.file != nil {
			if err := c.decode(ctx, p); err != nil {
				return nil, err
			}
		}
		if p.pixels != nil {
			pixels, at = append(pixels, *p.pixels), append(at, i)
		}
	}
	out := make([][]float32, len(photos))
	if len(at) > 0 {
		vectors, err := c.EmbedPixels(ctx, pixels)
		if err != nil {
			return nil, err
		}
		for k, i := range at {
			out[i] = vectors[k]
		}
	}
	return out, c.embedSounds(ctx, photos, out)
}

// tryDecode is decode in a goroutine of its own, where a panic would end the
// process.
func (c *encoder) tryDecode(ctx context.Context, p *photo) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("server: a decoder panicked: %v\n%s", v, debug.Stack())
		}
	}()
	return c.decode(ctx, p)
}

// decode brings a picture's file to pixels, when there is memory for it. What the
// file holds is checked against the limits before anything is decoded.
func (c *encoder) decode(ctx context.Context, p *photo) error {
	if isSound(p.file) {
		return c.listen(ctx, p)
	}
	o := picture.Options{} // exactly, as `embed` does
	cost, err := decodeCost(p.file, o)
	if err != nil {
		return err
	}
	if err := c.decoding.Acquire(ctx, cost); err != nil {
		return err
	}
	defer c.decoding.Release(cost)
	im, err := picture.Decode(p.file, o)
	if err != nil {
		return err
	}
	pixels, err := c.Preprocess(im)
	if err == nil {
		p.pixels, p.file = &pixels, nil
	}
	return err
}

// decodeCost is what decoding a picture takes in memory, or all there is. Decoders
// keep about one more copy than the result.
func decodeCost(file []byte, o picture.Options) (int64, error) {
	if isSound(file) {
		return soundMemory, nil
	}
	head, err := picture.ReadHeader(file, o)
	return min(decodeBudget, 2*3*int64(head.W)*int64(head.H)+1), err
}

// results are vectors by input, with an error where there is none.
type results []batch.Result[[]float32]

// embedTexts computes a vector for each list of ids.
func (c *encoder) embedTexts(ctx context.Context, ids [][]int32) (results, error) {
	found, err := c.texts.Do(ctx, ids)
	return whole(found, err)
}

// embedPictures computes a vector for each picture's file. They are decoded side
// by side, before they queue; a picture that cannot be read fails alone.
func (c *encoder) embedPictures(ctx context.Context, files [][]byte) (results, error) {
	if err := c.pictures.Full(); err != nil {
		return nil, err // before anything is decoded in vain
	}
	photos := make([]*photo, len(files))
	bad := make([]error, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		photos[i] = &photo{key: batch.KeyOf(file), file: file}
		if !c.pictures.Has(photos[i].key) {
			group.Go(func() error {
				bad[i] = inside(ctx, "decode", func(ctx context.Context) error { return c.tryDecode(ctx, photos[i]) })
				return nil
			})
		}
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c.embedGood(ctx, photos, bad)
}

// embedGood computes the pictures that could be decoded; the others keep their
// errors.
func (c *encoder) embedGood(ctx context.Context, photos []*photo, bad []error) (results, error) {
	var good []*photo
	for i, p := range photos {
		if bad[i] == nil {
			good = append(good, p)
		}
	}
	list, err := c.pictures.Do(ctx, good)
	found, err := whole(list, err)
	if err != nil {
		return nil, err
	}
	out := make(results, len(photos))
	for i := range photos {
		if bad[i] != nil {
			out[i].Err = bad[i]
			continue
		}
		out[i], found = found[0], found[1:]
	}
	return out, nil
}

// pictureError turns a picture's or a sound's error into one for the client.
func pictureError(param string, err error) error {
	var heard *audio.Error
	var deaf *fusion.SenseError
	switch {
	case errors.As(err, &heard):
		return refuse(http.StatusBadRequest, "invalid_audio", param, "%s", heard.Message)
	case errors.As(err, &deaf):
		return refuse(http.StatusBadRequest, "unsupported_modality", param, "%s", deaf)
	}
	var own *picture.Error
	if !errors.As(err, &own) {
		return err
	}
	code := "invalid_image"
	if own.Kind == picture.TooLarge {
		code = "image_too_large"
	}
	return refuse(http.StatusBadRequest, code, param, "%s", own.Message)
}

// sizeOf is a picture's size as it is shown; 0 if the file cannot be read.
func sizeOf(file []byte) (width, height int) {
	h, err := picture.ReadHeader(file, picture.Options{})
	if err != nil {
		return 0, 0
	}
	if h.Orientation >= 5 {
		return h.H, h.W
	}
	return h.W, h.H
}
