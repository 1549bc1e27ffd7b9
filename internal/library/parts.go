package library

import (
	"context"
	"fmt"
	"image"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// Patcher is an Embedder that says what the parts of pictures show.
type Patcher interface {
	// Patched tells whether this one does.
	Patched() bool
	// EmbedParts returns, for each picture, vectors of unit length in the space of
	// EmbedImages, at most most of them (0: as many as the model has). With a region, in
	// fractions of the upright picture, they are only of what lies in it.
	EmbedParts(ctx context.Context, pictures []image.Image, region *vit.Window, most int) ([][][]float32, error)
}

// patcher is the model, if it says what parts show.
func patcher(e Embedder) (Patcher, error) {
	if p, ok := e.(Patcher); ok && p.Patched() {
		return p, nil
	}
	return nil, errorf(KindModel, "%s does not say what the parts of pictures show", e.Name())
}

// MostParts is how many vectors a picture may have for its parts.
const MostParts = 1024

// partsSpace is the space of the vectors of parts.
func (e Encoder) partsSpace() string { return e.space() + "-parts" }

// beginParts makes the library keep vectors of parts, if the options ask for it or it
// does so already. Pictures that have none get theirs in this run.
func (x *indexing) beginParts(context.Context) error {
	m := x.lib.Manifest()
	switch {
	case x.Parts == 0 && m.Parts == 0 || m.Model != "" && m.Fingerprint != x.model.Fingerprint():
		return nil
	case x.Parts < 0 || x.Parts > MostParts:
		return errorf(KindQuery, "%d vectors for the parts of a picture; at most %d", x.Parts, MostParts)
	case x.Parts > 0 && m.Parts > 0 && x.Parts != m.Parts:
		return errorf(KindModel, "library %q keeps %d vectors for the parts of a picture, not %d; index into another: emblem index --library %s-2 --late=%d PATH", x.lib.name, m.Parts, x.Parts, x.lib.name, x.Parts)
	}
	if _, err := patcher(x.model); err != nil {
		return err
	}
	x.parts, x.partsSpace = max(x.Parts, m.Parts), m.partsSpace()
	for _, s := range x.lib.ix.Spaces() {
		if s.Name == x.partsSpace {
			return nil
		}
	}
	space := index.Space{Name: x.partsSpace, Dim: x.model.Dim(), Encoder: x.model.Name(), Fingerprint: x.model.Fingerprint()}
	if err := x.lib.ix.Define(space); err != nil {
		return err
	}
	return x.lib.setManifest(func(m *Manifest) { m.Parts, m.Gaps = x.parts, true })
}

// embedParts adds the vectors of parts to those of a batch. A sound is one part.
func (p *pipeline) embedParts(ctx context.Context, batch []ready, images []image.Image, at []int, whole [][]float32) ([][][]float32, error) {
	if p.parts == 0 {
		return nil, nil
	}
	out := make([][][]float32, len(batch))
	for i, v := range whole {
		out[i] = [][]float32{v}
	}
	parts, err := p.model.(Patcher).EmbedParts(ctx, images, nil, p.parts)
	if err == nil && len(parts) != len(images) {
		err = fmt.Errorf("%s gave the parts of %d pictures for %d", p.model.Name(), len(parts), len(images))
	}
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		out[i] = parts[k]
	}
	return out, nil
}

// regionOf is the mean of the vectors of what lies in a term's region.
func (t Term) regionOf(ctx context.Context, e Embedder) ([]float32, error) {
	parts, err := t.partsOf(ctx, e, 1)
	if err != nil {
		return nil, err
	}
	return parts[0], nil
}

// partsOf are the vectors of the parts of a term's picture.
func (t Term) partsOf(ctx context.Context, e Embedder, most int) ([][]float32, error) {
	p, err := patcher(e)
	if err != nil {
		return nil, err
	}
	data, name := t.File, "of the query"
	if data == nil {
		if data, err = picture.ReadFile(ExpandHome(t.Image), 0); err != nil {
			return nil, &Error{Kind: KindPath, Message: fmt.Sprintf("the picture %q cannot be read", t.Image), Err: err}
		}
		name = t.Image
	}
	// What a region shows may be small: the picture is not decoded at a smaller scale.
	im, err := newPictures(0, 0).decode(data)
	if err != nil {
		return nil, &Error{Kind: KindPicture, Message: "the picture " + name + " cannot be used", Err: err}
	}
	parts, err := p.EmbedParts(ctx, []image.Image{im}, t.Region, most)
	if err != nil {
		return nil, &Error{Kind: KindQuery, Message: "the region cannot be looked for", Err: err}
	}
	return parts[0], nil
}

// lateRanked answers by late interaction: each vector of the query is compared with
// the parts of each picture, and the best of each add up. A score is their mean.
func (l *Library) lateRanked(ctx context.Context, e Embedder, q Query, o SearchOptions) (Answer, error) {
	m := l.Manifest()
	switch {
	case m.Parts == 0:
		return Answer{}, errorf(KindQuery, "library %q has no vectors of the parts of its pictures; index with them: emblem index --late --library %s PATH", l.name, l.name)
	case o.MinProbability > 0 || o.By == ByWords || o.Fold || o.GroupBy != "" || o.Diversity > 0 || len(o.Facets) > 0 || o.Cursor != "" || o.Space != "":
		return Answer{}, errorf(KindQuery, "late interaction goes with a filter and a limit; leave out min_probability, words, fold, groups, diversity, facets, space and cursors")
	case e.Fingerprint() != m.Fingerprint:
		return Answer{}, l.mismatch(m.Encoder, e)
	}
	keep, err := l.only(o.Paths)
	if err != nil {
		return Answer{}, err
	}
	if q, keep, err = l.withDocuments(q, m.partsSpace(), keep); err != nil {
		return Answer{}, err
	}
	x := index.Query{Space: m.partsSpace(), Filter: q.Filter, Keep: keep, Limit: o.Limit}
	if x.Vectors, err = q.late(ctx, e, m.Parts); err != nil {
		return Answer{}, err
	}
	found, err := l.ix.Search(ctx, x)
	if err != nil {
		return Answer{}, err
	}
	for i := range found.Hits {
		found.Hits[i].Score /= float32(len(x.Vectors))
	}
	a := Answer{Hits: unjudged(found), How: found}
	a.How.Hits = nil
	return a, nil
}

// late are the vectors of a query: one of a text, as many of a picture as it has parts.
func (q Query) late(ctx context.Context, e Embedder, most int) ([][]float32, error) {
	var all [][]float32
	for _, t := range q.Terms {
		if t.Weight != 1 {
			return nil, errorf(KindQuery, "late interaction adds terms up; leave out weights, and what is to be taken away")
		}
		var list [][]float32
		var err error
		switch {
		case len(t.parts) > 0:
			list = t.parts
		case t.Image != "" || t.File != nil:
			list, err = t.partsOf(ctx, e, most)
		case t.Vector != nil:
			list = [][]float32{t.Vector}
		default:
			if err = needWords(e); err == nil {
				list, err = e.EmbedTexts(ctx, []string{t.Text})
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
