package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/server"
)

// Put implements server.Library. Vectors in a space that is not there yet define
// it, but for the model's own.
func (s shelf) Put(ctx context.Context, docs []server.Document) ([]server.Outcome, error) {
	var list []index.Document
	out := make([]server.Outcome, len(docs))
	for i, d := range docs {
		err := s.define(ctx, d.Vectors)
		var own *server.Error
		switch {
		case errors.As(err, &own): // this document's fault alone
			out[i] = server.Outcome{ID: d.ID, Status: "error", Error: &own.Message}
		case err != nil:
			return nil, err
		default:
			list = append(list, index.Document{ID: d.ID, Vectors: d.Vectors, Metadata: d.Metadata})
		}
	}
	if len(list) == 0 {
		return out, nil
	}
	receipt, err := s.lib.Put(ctx, list...)
	if err != nil {
		return nil, clientError(err)
	}
	stored := outcomes(receipt)
	for i := range out {
		if out[i].Status == "" {
			out[i], stored = stored[0], stored[1:]
		}
	}
	return out, nil
}

// define makes the spaces that documents have vectors in. A library without a
// model takes the server's first one for its own.
func (s shelf) define(ctx context.Context, vectors map[string][][]float32) error {
	for space, list := range vectors {
		if len(list) == 0 {
			continue
		}
		if space == s.lib.Space() {
			if err := s.adopt(ctx); err != nil {
				return err
			}
			continue
		}
		var clash *index.SpaceError
		err := s.lib.Define(index.Space{Name: space, Dim: len(list[0])})
		if err != nil && !errors.As(err, &clash) {
			return &server.Error{Status: http.StatusBadRequest, Code: "bad_space", Param: "vectors", Message: err.Error()}
		}
	}
	return nil
}

func (s shelf) adopt(ctx context.Context) error {
	if s.lib.Manifest().Model != "" {
		return nil
	}
	m, err := s.host.model(ctx, s.host.first)
	if err != nil {
		return err
	}
	return s.lib.Adopt(m, s.host.first.Ref, false)
}

// Delete implements server.Library.
func (s shelf) Delete(ctx context.Context, ids []string) ([]server.Outcome, error) {
	receipt, err := s.lib.Delete(ctx, ids...)
	return outcomes(receipt), clientError(err)
}

func outcomes(r index.Receipt) []server.Outcome {
	out := make([]server.Outcome, len(r.Results))
	for i, res := range r.Results {
		out[i] = server.Outcome{ID: res.ID, Status: string(res.Status)}
		if res.Err != nil {
			words := strings.TrimPrefix(res.Err.Error(), "index: ")
			out[i].Error = &words
		}
	}
	return out
}
