package main

import (
	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/server"
)

// service is a dual encoder as the server takes it.
type service struct {
	dual
	name string
}

var _ server.Heater = service{}

// serviceOf makes a model one for the server, under a name of its own or of the
// user's.
func serviceOf(name string, e embedder) (server.Embedder, error) {
	switch e := e.(type) {
	case dual:
		if name == "" {
			name = e.Name()
		}
		return service{e, name}, nil
	case server.Embedder:
		return e, nil
	}
	return nil, failf("model_invalid", "the model %s gives no vectors of texts and pictures", e.Name())
}

func (s service) Name() string     { return s.name }
func (s service) ImageTokens() int { return s.Vision().Tokens() }

// EncodeText cuts what is too long; the server tells its clients.
func (s service) EncodeText(text string) (ids []int32, truncated bool, err error) {
	return s.dual.EncodeText(text, fusion.CutEnd)
}
