package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/server"
)

// shelves are the libraries of a data directory as the server takes them.
type shelves struct {
	host  *host
	roots []string // folders that may be indexed, without links
}

// Names implements server.Libraries.
func (s shelves) Names(context.Context) ([]string, error) { return s.host.store.Names() }

// Library implements server.Libraries.
func (s shelves) Library(_ context.Context, name string) (server.Library, error) {
	return s.shelf(s.host.store.Open(name))
}

// Create implements server.Libraries.
func (s shelves) Create(_ context.Context, name string) (server.Library, error) {
	return s.shelf(s.host.store.Create(name))
}

func (s shelves) shelf(l *library.Library, err error) (server.Library, error) {
	if err != nil {
		return nil, clientError(err)
	}
	return shelf{s, l}, nil
}

// clientError gives an error of libraries its status; others stay inside.
func clientError(err error) error {
	var own *library.Error
	var filter *index.FilterError
	switch {
	case errors.As(err, &filter):
		return &server.Error{Status: http.StatusBadRequest, Code: "bad_filter", Param: "filter", Message: filter.Error()}
	case errors.Is(err, index.ErrTrimmed):
		return &server.Error{Status: http.StatusGone, Code: "cursor_expired", Param: "cursor", Message: "the cursor is too old; search again from the first page"}
	case errors.Is(err, index.ErrCursor):
		return &server.Error{Status: http.StatusBadRequest, Code: "bad_cursor", Param: "cursor", Message: "the cursor is not one of this query"}
	case errors.Is(err, index.ErrNotFound):
		return &server.Error{Status: http.StatusNotFound, Code: "document_not_found", Param: "id", Message: "there is no such document"}
	case !errors.As(err, &own):
		return residencyError(err)
	}
	status := http.StatusBadRequest
	switch own.Kind {
	case library.KindDocument:
		status = http.StatusNotFound
	case library.KindLibrary:
		status = http.StatusNotFound
	case library.KindModel, library.KindBusy:
		status = http.StatusConflict
	}
	return &server.Error{Status: status, Code: string(own.Kind), Message: own.Message}
}

// shelf is a library as the server takes it.
type shelf struct {
	shelves
	lib *library.Library
}

// Name implements server.Library.
func (s shelf) Name() string { return s.lib.Name() }

// Model implements server.Library.
func (s shelf) Model() string { return s.lib.Manifest().Model }

// Fingerprint implements server.Library.
func (s shelf) Fingerprint() string { return s.lib.Manifest().Fingerprint }

// Space implements server.Library.
func (s shelf) Space() string { return s.lib.Space() }

// Entry implements server.Library.
func (s shelf) Entry(context.Context) (server.LibraryEntry, error) {
	n, updated, err := s.lib.Count()
	return server.LibraryEntry{Name: s.Name(), Model: s.Model(), Space: s.Space(), Documents: n, Parts: s.lib.Manifest().Parts, Updated: updated}, err
}

// Search implements server.Library.
func (s shelf) Search(ctx context.Context, f server.Find) (*server.Found, error) {
	q, err := s.query(f)
	if err != nil {
		return nil, clientError(err)
	}
	var model library.Embedder
	if len(q.Terms) > 0 {
		if model, err = s.host.model(ctx, modelChoice{Ref: chosenModel(s.lib, ""), DType: "auto"}); err != nil {
			return nil, err
		}
	}
	by := library.By(f.By)
	if by == "" {
		by = library.ByBoth
	}
	found, err := s.lib.Find(ctx, model, q, library.SearchOptions{
		Limit: f.Limit, MinProbability: f.MinProbability, By: by, Fold: f.Fold, GroupBy: f.GroupBy, Diversity: f.Diversity, Facets: f.Facets, Pages: true, Cursor: f.Cursor, Space: f.Space, Late: f.Late,
	})
	if err != nil {
		return nil, clientError(err)
	}
	out := &server.Found{Next: found.Next, Facets: facetsOf(found.Facets)}
	for _, h := range found.Hits {
		hit := server.Hit{Rank: h.Rank, ID: h.Path, Score: h.Score, Probability: server.Probability(h.Probability), Metadata: h.Metadata, Folded: h.Folded, Group: h.Group, GroupSize: h.GroupSize}
		if s.lib.Holds(h.Path) {
			hit.Path = h.Path
		}
		if f.Explain {
			hit.Explain = h.Legs
		}
		out.Hits = append(out.Hits, hit)
	}
	return out, nil
}

// query turns the server's terms into the library's.
func (s shelf) query(f server.Find) (library.Query, error) {
	var q library.Query
	for _, t := range f.Terms {
		q.Terms = append(q.Terms, library.Term{Text: t.Text, Vector: t.Vector, Document: t.Document, Weight: t.Weight, Region: t.Region, File: t.File})
	}
	var err error
	q.Filter, err = parseFilter(f.Filter)
	return q, err
}

// parseFilter reads a filter; "" is none.
func parseFilter(s string) (*index.Filter, error) {
	if s == "" {
		return nil, nil
	}
	return index.ParseFilter(s)
}

// Picture implements server.Library. Only pictures and sounds that the library knows,
// in folders that were indexed, are opened: an id may be anybody's words.
func (s shelf) Picture(_ context.Context, id string) (io.ReadCloser, error) {
	if _, err := s.lib.Document(id); err != nil {
		return nil, clientError(err)
	}
	none := &server.Error{Status: http.StatusNotFound, Code: "picture_not_found", Param: "id", Message: "this document has no picture's file (any more)"}
	if !s.lib.Holds(id) {
		return nil, none
	}
	f, err := picture.Open(id)
	if err != nil {
		return nil, none
	}
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	_, isPicture := picture.Sniff(head[:n])
	if _, isSound := audio.Sniff(head[:n]); !isPicture && !isSound {
		f.Close()
		return nil, none
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Fields implements server.Library.
func (s shelf) Fields(_ context.Context, examples int) ([]server.Field, error) {
	fields, err := s.lib.Fields(examples)
	if err != nil {
		return nil, err
	}
	out := make([]server.Field, len(fields))
	for i, f := range fields {
		out[i] = server.Field{Name: f.Name, Documents: f.Documents, Examples: f.Examples}
	}
	return out, nil
}
