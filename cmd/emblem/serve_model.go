package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/vit"
)

// service is a dual encoder as the server takes it.
type service struct {
	dual
	name string
}

var (
	_ server.Certified = service{}
	_ server.Heater    = service{}
	_ server.Listener  = service{}
	_ server.Resident  = service{}
	_ server.Wordless  = service{}
)

// serviceOf makes a model one for the server, under a name of its own or of the
// user's.
func serviceOf(name string, e embedder) (server.Embedder, error) {
	switch e := e.(type) {
	case dual:
		if !e.HasPictures() {
			return nil, refusef("model_invalid", "%w; serve needs a model of pictures", e.CheckPool(vit.Mean))
		}
		if name == "" {
			name = e.Name()
		}
		return service{e, name}, nil
	case server.Embedder:
		return e, nil
	}
	return nil, failf("model_invalid", "the model %s gives no vectors of texts and pictures", e.Name())
}

func (s service) Name() string { return s.name }

// EncodeText cuts what is too long; the server tells its clients.
func (s service) EncodeText(text string) (ids []int32, truncated bool, err error) {
	return s.dual.EncodeText(text, fusion.CutEnd)
}

// EmbedTokens implements server.Embedder.
func (s service) EmbedTokens(ctx context.Context, ids [][]int32) ([][]float32, error) {
	v, err := s.dual.EmbedTokens(ctx, ids)
	return v, residencyError(err)
}

// EmbedPixels implements server.Embedder.
func (s service) EmbedPixels(ctx context.Context, px []vit.Pixels) ([][]float32, error) {
	v, err := s.dual.EmbedPixels(ctx, px)
	return v, residencyError(err)
}

// EmbedSignals implements server.Listener.
func (s service) EmbedSignals(ctx context.Context, signals []fusion.Signal) ([][]float32, error) {
	v, err := s.dual.EmbedSignals(ctx, signals)
	return v, residencyError(err)
}

// Heat implements server.Heater.
func (s service) Heat(ctx context.Context, px vit.Pixels, text []float32) (w, h int, heat []float32, err error) {
	w, h, heat, err = s.dual.Heat(ctx, px, text)
	return w, h, heat, residencyError(err)
}

// Memory implements server.Resident.
func (s service) Memory() server.Memory { return server.Memory(s.dual.Memory()) }

// Wake implements server.Resident.
func (s service) Wake(ctx context.Context) error { return residencyError(s.dual.Wake(ctx)) }

// Quiet implements server.Resident.
func (s service) Quiet(ctx context.Context) context.Context { return models.Quiet(ctx) }

// residencyError is what a client gets for a model whose weights cannot be brought
// into memory; other errors stay as they are.
func residencyError(err error) error {
	var large *models.TooLargeError
	var load *models.LoadError
	switch {
	case errors.As(err, &large):
		return &server.Error{Status: http.StatusServiceUnavailable, Code: "model_too_large", Param: "model", Message: large.Error()}
	case errors.As(err, &load):
		return &server.Error{Status: http.StatusServiceUnavailable, Code: "model_not_loaded", Param: "model", Message: "the model " + load.Model + " cannot be loaded; the server's log says why"}
	}
	return err
}

// Parity implements server.Certified.
func (s service) Parity(ctx context.Context) (any, error) { return s.dual.Certificate(ctx, false) }
