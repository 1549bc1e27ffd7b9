package server

import (
	"context"
	"net/http"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/picture"
)

// Listener is an Embedder that may hear: it puts sounds into the space of pictures and
// words.
type Listener interface {
	// Has tells whether the model reads inputs of a kind.
	Has(fusion.Sense) bool
	// SoundFile brings a WAV file to what the model hears.
	SoundFile(file []byte) (fusion.Signal, error)
	// EmbedSignals encodes what SoundFile made to vectors of unit length.
	EmbedSignals(ctx context.Context, signals []fusion.Signal) ([][]float32, error)
}

// listener is the model, if it hears.
func (c *encoder) listener() (Listener, bool) {
	l, ok := c.Embedder.(Listener)
	return l, ok && l.Has(fusion.Audio)
}

// isSound tells whether a file is a sound by its first bytes.
func isSound(file []byte) bool {
	_, isPicture := picture.Sniff(file)
	_, ok := audio.Sniff(file)
	return ok && !isPicture
}

// soundMemory is what reading a sound takes at most, whatever its length: a model hears
// some seconds of it.
const soundMemory = 32 << 20

// listen brings a sound's file to what the model hears, when there is memory for it.
func (c *encoder) listen(ctx context.Context, p *photo) error {
	l, ok := c.listener()
	if !ok {
		return &fusion.SenseError{Model: c.Name(), Sense: fusion.Audio}
	}
	if err := c.decoding.Acquire(ctx, soundMemory); err != nil {
		return err
	}
	defer c.decoding.Release(soundMemory)
	signal, err := l.SoundFile(p.file)
	if err == nil {
		p.signal, p.file = &signal, nil
	}
	return err
}

// embedSounds puts the vectors of those of the photos that are sounds into their places
// in out.
func (c *encoder) embedSounds(ctx context.Context, photos []*photo, out [][]float32) error {
	var signals []fusion.Signal
	var at []int
	for i, p := range photos {
		if p.signal != nil {
			signals, at = append(signals, *p.signal), append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	l, _ := c.listener()
	vectors, err := l.EmbedSignals(ctx, signals)
	if err != nil {
		return err
	}
	for k, i := range at {
		out[i] = vectors[k]
	}
	return nil
}

// soundInput reads a sound that is given as a data URL or as bare base64.
func soundInput(param, s string) (input, error) {
	if isURL(s) {
		return input{}, badRequest(param, "sounds are not fetched from addresses; send the sound itself as data:audio/wav;base64,…")
	}
	in, err := fileInput(param, s, "sound")
	if err == nil && !isSound(in.picture) {
		err = refuse(http.StatusBadRequest, "invalid_audio", param, "this is no sound that emblem reads; send WAV")
	}
	return in, err
}
