package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/server"
)

// Ask implements server.AskedLibrary.
func (s shelf) Ask(ctx context.Context, question string, o ask.CollectionOptions) (ask.CollectionAnswer, error) {
	m, err := s.host.model(ctx, modelChoice{Ref: chosenModel(s.lib, ""), DType: "auto"})
	if err != nil {
		return ask.CollectionAnswer{}, err
	}
	a, err := s.lib.Ask(ctx, m, question, o)
	var uncovered *ask.UncoveredError
	if errors.As(err, &uncovered) {
		return a, &server.Error{Status: http.StatusUnprocessableEntity, Code: "question_not_covered", Param: "question", Message: uncovered.Error()}
	}
	if err != nil {
		return a, clientError(err)
	}
	return a, nil
}

// Correct implements server.AskedLibrary.
func (s shelf) Correct(_ context.Context, c ask.Correction) (ask.Correction, error) {
	c, err := s.lib.Correct(c)
	if err != nil {
		return c, clientError(err)
	}
	return c, nil
}

// Corrections implements server.AskedLibrary.
func (s shelf) Corrections(context.Context) ([]ask.Correction, error) {
	return s.lib.Corrections()
}

// Revoke implements server.AskedLibrary.
func (s shelf) Revoke(_ context.Context, id string) error {
	if err := s.lib.Revoke(id); err != nil {
		return clientError(err)
	}
	return nil
}

// Corrected implements server.AskedLibrary.
func (s shelf) Corrected(_ context.Context, question, document string, vector []float32, fingerprint string) (*ask.Correction, error) {
	return s.lib.Corrected(question, document, vector, fingerprint)
}
