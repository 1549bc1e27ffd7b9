package main

import (
	"context"

	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/server"
)

// Facets implements server.Library.
func (s shelf) Facets(ctx context.Context, filter string, fields []string, top int) ([]server.Facet, error) {
	f, err := parseFilter(filter)
	if err != nil {
		return nil, clientError(err)
	}
	found, err := s.lib.Facets(ctx, f, fields, top)
	if err != nil {
		return nil, clientError(err)
	}
	return facetsOf(found), nil
}

func facetsOf(found []library.Facet) []server.Facet {
	var out []server.Facet
	for _, f := range found {
		one := server.Facet{Field: f.Field, Documents: f.Documents, Values: make([]server.FacetValue, len(f.Values))}
		for i, v := range f.Values {
			one.Values[i] = server.FacetValue(v)
		}
		out = append(out, one)
	}
	return out
}

// Duplicates implements server.Library.
func (s shelf) Duplicates(ctx context.Context, q server.DuplicateQuery) (*server.DuplicateGroups, error) {
	found, err := s.lib.Duplicates(ctx, library.DuplicateOptions(q))
	if err != nil {
		return nil, clientError(err)
	}
	out := &server.DuplicateGroups{Space: found.Space, Threshold: found.Threshold, Groups: make([]server.DuplicateGroup, len(found.Groups)), Total: found.Total, Documents: found.Documents, Next: found.Next}
	for i, g := range found.Groups {
		out.Groups[i] = server.DuplicateGroup(g)
	}
	return out, nil
}

// Stats implements server.Library.
func (s shelf) Stats(context.Context) (any, error) {
	stats, err := s.lib.Stats()
	if err != nil {
		return nil, clientError(err)
	}
	return stats, nil
}

// Verify implements server.Library.
func (s shelf) Verify(ctx context.Context) (any, error) {
	r, err := s.lib.Verify(ctx)
	if err != nil {
		return nil, clientError(err)
	}
	return verified(s.lib.Name(), r), nil
}
