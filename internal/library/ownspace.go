package library

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// ownSpace is the space of somebody's own vectors that a search is of, nil if it is of
// the model's. "" is the model's, or the only space of a library that has no model.
func (l *Library) ownSpace(name string) (*index.Space, error) {
	m := l.Manifest()
	if name == m.space() || name == "" && m.Model != "" {
		return nil, nil
	}
	var names []string
	spaces := l.ix.Spaces()
	for _, s := range spaces {
		names = append(names, s.Name)
	}
	switch {
	case name == "" && len(spaces) == 0:
		return nil, nil // nothing was indexed yet
	case name == "" && len(spaces) == 1:
		return &spaces[0], nil
	case name == "":
		return nil, errorf(KindQuery, "the library %q has the spaces %s; say which one to search", l.name, strings.Join(names, ", "))
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, errorf(KindQuery, "the library %q has no space %q; it has %s", l.name, shortened(name), strings.Join(append(names, m.space()), ", "))
	}
	return &spaces[i], nil
}

// rankedIn answers from a space of somebody's own vectors. No model knows it, so only
// vectors and documents can be looked for, and nobody knows how likely a hit is.
func (l *Library) rankedIn(ctx context.Context, space index.Space, q Query, x index.Query, o SearchOptions) (Answer, error) {
	if o.MinProbability > 0 {
		return Answer{}, errorf(KindQuery, "hits in the space %q have no probability; leave out min_probability", space.Name)
	}
	var err error
	if q, x.Keep, err = l.withDocuments(q, space.Name, x.Keep); err != nil {
		return Answer{}, err
	}
	parts := make([][]float32, len(q.Terms))
	for i, t := range q.Terms {
		if parts[i] = t.own(); parts[i] == nil {
			return Answer{}, errorf(KindQuery, "the space %q is of your own vectors: give a vector or a document, not words or pictures", space.Name)
		}
		if len(parts[i]) != space.Dim {
			return Answer{}, errorf(KindQuery, "the vector has %d numbers; the space %q has %d dimensions", len(parts[i]), space.Name, space.Dim)
		}
	}
	if x.Vector, err = q.sum(parts); err != nil {
		return Answer{}, err
	}
	x.Space, x.Words, x.Limit = space.Name, "", o.wanted()
	if o.Fold {
		x.Collapse = NearDuplicate
	}
	found, err := l.ix.Search(ctx, x)
	if err != nil {
		return Answer{}, err
	}
	return l.answer(ctx, found, unjudged(found), o)
}

// own is the vector of a term that brings one.
func (t Term) own() []float32 {
	switch {
	case t.stored != nil:
		return t.stored
	case t.Text == "" && t.Image == "":
		return t.Vector
	}
	return nil
}

// unjudged are hits whose probabilities nobody knows.
func unjudged(found index.Found) []Hit {
	hits := make([]Hit, len(found.Hits))
	for i, f := range found.Hits {
		hits[i] = hitOf(f, i+1, float64(f.Score), math.NaN())
	}
	return hits
}
