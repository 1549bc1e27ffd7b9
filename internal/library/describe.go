package library

import (
	"context"
	"fmt"
	"image"
)

// Describer puts pictures into words while they are indexed: words are found by them as
// by their names and tags.
type Describer interface {
	// Name changes with what describes. Pictures that another one described, or none,
	// are described when Index runs.
	Name() string
	// Describe says what a picture shows, unless it has a caption of its own, and what
	// is written in it. Either may be empty.
	Describe(ctx context.Context, img image.Image, captioned bool) (caption, text string, err error)
}

// undescribed tells whether a file is known, but not by the words that Index is to find
// for it.
func (x *indexing) undescribed(k *known) bool {
	return x.Describe != nil && k != nil && !k.failed && k.gone == 0 && k.described.Value() != x.Describe.Name()
}

// describe finds words for a picture; for a sound there are none.
func (p *pipeline) describe(ctx context.Context, r *ready) error {
	if p.Describe == nil {
		return nil
	}
	r.describer = p.Describe.Name()
	if r.image == nil {
		return nil
	}
	caption, text, err := p.Describe.Describe(ctx, r.image, r.caption != "")
	if err != nil {
		return fmt.Errorf("describing %s: %w", r.path, err)
	}
	if r.caption == "" {
		r.caption = caption
	}
	r.text = text
	return nil
}
