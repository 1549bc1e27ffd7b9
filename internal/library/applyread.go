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

// get reads a document; that there is none is no error.
func (a *applying) get(id string) (any, error) {
	d, err := a.lib.ix.Get(id)
	if errors.Is(err, index.ErrNotFound) {
		return getResult{Op: "get", ID: id, Status: "missing"}, nil
	}
	if err != nil {
		return nil, err
	}
	return getResult{"get", id, "found", d.Metadata, d.Vectors, d.Hidden}, nil
}

type searchResult struct {
	Op       string      `json:"op"`
	Hits     []searchHit `json:"hits"`
	Plan     index.Plan  `json:"plan,omitempty"`    // how vectors were searched
	Visited  int         `json:"visited,omitempty"` // vectors compared
	Rescored int         `json:"rescored,omitempty"`
	Expected float64     `json:"expected_recall,omitempty"`
	Seq      uint64      `json:"seq,omitempty"` // the write up to which everything was seen
}

type searchHit struct {
	Rank     int            `json:"rank"` // from 1
	ID       string         `json:"id"`
	Score    float32        `json:"score"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// search finds documents by a vector, or without one lists those that pass the
// filter.
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
	case vector != nil && space == "": // nothing can be there
	case vector != nil:
		found, err = a.lib.ix.Search(a.ctx, index.Query{Space: space, Vector: vector, Limit: limit,
			MinRecall: o.MinRecall, Exact: o.Exact, Filter: o.Filter})
	case o.Filter != nil:
		found, err = a.lib.ix.Select(a.ctx, index.Selection{Filter: o.Filter, Limit: limit})
	default:
		err = errors.New(`"search" needs a "vector" or a "filter"`)
	}
	if err != nil {
		return nil, err
	}
	return newSearchResult(found), nil
}

func newSearchResult(f index.Found) searchResult {
	r := searchResult{"search", make([]searchHit, len(f.Hits)), f.Plan, f.Visited, f.Rescored, f.Expected, f.Seq}
	for i, h := range f.Hits {
		r.Hits[i] = searchHit{i + 1, h.ID, h.Score, h.Metadata}
	}
	return r
}

// wanted is the vector of a search and its space, "" if the library has none.
func (a *applying) wanted(o op) (space string, vector []float32, err error) {
	v := o.Vector
	if v != nil {
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
