package library

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/index"
)

// A Facet is what documents have in a field.
type Facet struct {
	Field     string       `json:"field"`
	Documents int          `json:"documents"` // that have it
	Values    []FacetValue `json:"values"`    // the most frequent first
}

// A FacetValue is a value as a filter may have it, and how many documents have it.
type FacetValue struct {
	Value     string `json:"value"`
	Documents int    `json:"documents"`
}

// mostFacets is how many values of a field are told at most.
const mostFacets = 1000

// Facets counts the values of fields among the documents that pass a filter, nil
// for all: top of each field, 0 for 10. No fields are all that any document has.
func (l *Library) Facets(ctx context.Context, filter *index.Filter, fields []string, top int) ([]Facet, error) {
	if top < 0 || top > mostFacets {
		return nil, errorf(KindQuery, "%d values of a field; 1 to %d", top, mostFacets)
	}
	return l.facetsOf(ctx, index.FacetQuery{Filter: filter, Fields: fields, Top: top})
}

func (l *Library) facetsOf(ctx context.Context, q index.FacetQuery) ([]Facet, error) {
	found, err := l.ix.Facets(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("library %q: facets: %w", l.name, err)
	}
	return facets(found), nil
}

func facets(found []index.Facet) []Facet {
	out := make([]Facet, len(found))
	for i, f := range found {
		out[i] = Facet{f.Field, f.Documents, make([]FacetValue, len(f.Values))}
		for k, v := range f.Values {
			out[i].Values[k] = FacetValue(v)
		}
	}
	return out
}
