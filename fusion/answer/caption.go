package answer

import (
	"context"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/text/decoder"
)

// captioner is a net that can describe a picture.
type captioner interface {
	caption(ctx context.Context, state *ImageState, prefix string, r Request) (Answer, error)
}

// Caption describes a picture. A caption begins with the prefix, such as "a photograph
// of", which may be empty; r.Each is called with what follows it. An error of r.Each, or
// the end of ctx, ends it within a token.
func (m *Model) Caption(ctx context.Context, state *ImageState, prefix string, r Request) (Answer, error) {
	n, ok := m.net.(captioner)
	switch {
	case !ok:
		return Answer{}, &UnsupportedError{m.family, "describe pictures"}
	case state == nil:
		return Answer{}, &PictureError{"there is no picture; give one to describe"}
	}
	if r.Each == nil {
		r.Each = func(decoder.Piece) error { return nil }
	}
	return n.caption(ctx, state, prefix, r)
}

// matcher is a net that can say whether texts are about a picture: the probability of
// each.
type matcher interface {
	match(ctx context.Context, state *ImageState, texts []string) ([]float32, error)
}

// mostTexts may be compared with a picture at a time.
const mostTexts = 1024

// Match says how probable it is that each text is about the picture, by looking at the
// picture with the text in mind. That is surer than comparing vectors, and slower.
func (m *Model) Match(ctx context.Context, state *ImageState, texts []string) ([]float32, error) {
	n, ok := m.net.(matcher)
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	switch {
	case !ok:
		return nil, &UnsupportedError{m.family, "say whether a text is about a picture"}
	case state == nil:
		return nil, &PictureError{"there is no picture; give one to compare with"}
	case len(texts) == 0 || len(texts) > mostTexts:
		return nil, &decoder.RequestError{Param: "texts", Message: "want 1 to 1024 texts"}
	case slices.ContainsFunc(texts, blank):
		return nil, &decoder.RequestError{Param: "texts", Message: "a text is empty"}
	}
	return n.match(ctx, state, texts)
}

// Captions tells whether the model describes pictures.
func (m *Model) Captions() bool { _, ok := m.net.(captioner); return ok }

// Matches tells whether the model says if a text is about a picture.
func (m *Model) Matches() bool { _, ok := m.net.(matcher); return ok }

// Reads tells whether the model writes down the text in a picture.
func (m *Model) Reads() bool { _, ok := m.net.(reader); return ok }
