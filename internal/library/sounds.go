package library

import (
	"context"
	"fmt"
	"image"
	"os"

	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/picture"
)

// Listener is an Embedder that may hear: it puts sounds into the space of pictures and
// words.
type Listener interface {
	// Hears tells whether this one does.
	Hears() bool
	// Listen reads a sound's file, which it must not change.
	Listen(file []byte) (Sound, error)
	// EmbedSounds returns a vector of unit length for each of what Listen returned.
	EmbedSounds(ctx context.Context, sounds []Sound) ([][]float32, error)
}

// Sound is a sound as its model takes it.
type Sound any

// soundMemory is what one takes while it waits: the largest that models make of one.
const soundMemory = 1 << 20

// listener is the model, if it hears.
func listener(e Embedder) (Listener, bool) {
	l, ok := e.(Listener)
	return l, ok && l.Hears()
}

// isSound tells whether a file is a sound by its first bytes.
func isSound(head []byte) bool {
	_, isPicture := picture.Sniff(head)
	format, ok := audio.Sniff(head)
	return ok && !isPicture && format == "wav"
}

// listen takes a sound to the model.
func (p *pipeline) listen(ctx context.Context, j job, f file, hash digest, data []byte) error {
	bytes, err := p.budget.take(ctx, soundMemory)
	if err != nil {
		return err
	}
	sound, err := p.hears.Listen(data)
	if err != nil {
		p.budget.give(bytes)
		return p.fail(ctx, f, hash, err)
	}
	f.format, f.read = "wav", metadataVersion
	return p.offer(ctx, ready{file: f, hash: hash, sound: sound, bytes: bytes, again: j.known != nil})
}

// mixed are pictures and sounds of which each has its place among others.
type mixed struct {
	images           []image.Image
	sounds           []Sound
	imageAt, soundAt []int
}

func (m *mixed) image(at int, im image.Image) {
	m.images, m.imageAt = append(m.images, im), append(m.imageAt, at)
}

func (m *mixed) sound(at int, s Sound) {
	m.sounds, m.soundAt = append(m.sounds, s), append(m.soundAt, at)
}

// embed puts the vectors of all into their places in out: one call for the pictures,
// one for the sounds.
func (m *mixed) embed(ctx context.Context, e Embedder, out [][]float32) error {
	if len(m.images) > 0 {
		vectors, err := e.EmbedImages(ctx, m.images)
		if err == nil && len(vectors) != len(m.images) {
			err = fmt.Errorf("%s gave %d vectors for %d pictures", e.Name(), len(vectors), len(m.images))
		}
		if err != nil {
			return err
		}
		place(out, m.imageAt, vectors)
	}
	if l, ok := listener(e); ok && len(m.sounds) > 0 {
		vectors, err := l.EmbedSounds(ctx, m.sounds)
		if err == nil && len(vectors) != len(m.sounds) {
			err = fmt.Errorf("%s gave %d vectors for %d sounds", e.Name(), len(vectors), len(m.sounds))
		}
		if err != nil {
			return err
		}
		place(out, m.soundAt, vectors)
	}
	return nil
}

// readTerm reads a file of a query, a picture or a sound, as Index reads those of the
// library.
func (m *mixed) readTerm(at int, path string, e Embedder) error {
	data, err := picture.ReadFile(ExpandHome(path), 0)
	if os.IsNotExist(err) {
		return errorf(KindPath, "no picture %q", path)
	}
	if err != nil {
		return &Error{Kind: KindPicture, Message: "the picture " + path + " cannot be read", Err: err}
	}
	if isSound(data) {
		return m.listenTo(at, path, data, e)
	}
	im, err := newPictures(0, e.ImageSide()).decode(data)
	if err != nil {
		return &Error{Kind: KindPicture, Message: "the picture " + path + " cannot be used", Err: err}
	}
	m.image(at, im)
	return nil
}

func (m *mixed) listenTo(at int, path string, data []byte, e Embedder) error {
	l, ok := listener(e)
	if !ok {
		return errorf(KindQuery, "%s is a sound, and the model %s does not hear; search with a picture, or in a library of a model that does, such as ImageBind", path, e.Name())
	}
	sound, err := l.Listen(data)
	if err != nil {
		return &Error{Kind: KindPicture, Message: "the sound " + path + " cannot be used", Err: err}
	}
	m.sound(at, sound)
	return nil
}
