package library

import (
	"errors"

	"github.com/emblem-search/emblem/index"
)

type getResult struct {
	Op       string                 `json:"op"`
	ID       string                 `json:"id"`
	Status   string                 `json:"status"` // "found" or "missing"
	Metadata map[string]any         `json:"metadata,omitempty"`
	Vectors  map[string][][]float32 `json:"vectors,omitempty"`
	Hidden   bool                   `json:"hidden,omitempty"`
}

// get reads a document, as it is or was; that there is none is no error.
func (a *applying) get(o op) (any, error) {
	read := a.lib.ix.Get
	if o.AsOf != 0 {
		read = func(id string) (index.Document, error) { return a.lib.ix.GetAsOf(id, o.AsOf) }
	}
	d, err := read(*o.ID)
	if errors.Is(err, index.ErrNotFound) {
		return getResult{Op: "get", ID: *o.ID, Status: "missing"}, nil
	}
	if err != nil {
		return nil, err
	}
	return getResult{"get", *o.ID, "found", d.Metadata, d.Vectors, d.Hidden}, nil
}

// search finds documents by a vector, by words or by documents that they are to be
// like; with none of these it lists those that pass the filter.
func (a *applying) search(o op) (any, error) {
	limit := 10
	if o.Limit != nil {
		limit = *o.Limit
	}
	space, vector, err := a.wanted(o)
	if err != nil {
		return nil, err
	}
	var found index.Found
	switch {
	case space == "" && (vector != nil || len(o.Like) > 0): // nothing can be there
	case vector != nil || o.Words != "" || len(o.Like) > 0:
		found, err = a.lib.ix.Search(a.ctx, index.Query{
			Space: space, Vector: vector, Words: o.Words, Typing: o.Typing, Like: o.Like, Unlike: o.Unlike,
			Limit: limit, MinRecall: o.MinRecall, Exact: o.Exact, Filter: o.Filter,
			Fusion:   index.Fusion{Method: o.Fusion, Weights: o.Weights},
			Collapse: o.Collapse, Diversity: o.Diversity, GroupBy: o.GroupBy, Highlight: o.Highlight, Facets: o.Facets,
			AsOf: o.AsOf, AtLeast: o.AtLeast, Cursor: o.Cursor,
		})
	case o.Filter != nil:
		found, err = a.lib.ix.Select(a.ctx, index.Selection{Filter: o.Filter, Limit: limit, AsOf: o.AsOf, AtLeast: o.AtLeast, Cursor: o.Cursor})
	default:
		err = errors.New(`"search" needs a "vector", "words", "like" or a "filter"`)
	}
	if err != nil {
		return nil, err
	}
	return newSearchResult(found), nil
}

// wanted is the vector of a search and its space, "" if the library has none.
func (a *applying) wanted(o op) (space string, vector []float32, err error) {
	v := o.Vector
	if v != nil || len(o.Like)+len(o.Unlike) > 0 || o.Collapse != 0 || o.Diversity != 0 {
		space, err = a.spaceOf(o.Space)
	}
	for space, v = range o.Vectors {
	}
	if err == nil && (len(o.Vectors) > 1 || v != nil && len(*v) > 1) {
		err = errors.New("a search takes one vector")
	}
	if err != nil || v == nil {
		return space, nil, err
	}
	s, _ := a.defined(space)
	many, err := v.narrow(s.Metric)
	if err != nil {
		return space, nil, err
	}
	return space, many[0], nil
}

type statsResult struct {
	Op        string         `json:"op"`
	Documents int            `json:"documents"` // hidden ones too
	Hidden    int            `json:"hidden"`
	Vectors   map[string]int `json:"vectors"` // by space
	Seq       uint64         `json:"seq"`
}

func (a *applying) stats() (any, error) {
	s, err := a.lib.ix.Stats()
	return statsResult{"stats", s.Documents, s.Hidden, s.Vectors, s.Seq}, err
}
