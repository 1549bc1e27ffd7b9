package main

import (
	"context"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
)

// continuer is a model that continues texts as the server takes it, under a name of
// its own or of the user's.
type continuer struct {
	models.Decoder
	name string
}

var _ server.Completer = continuer{}

// Name implements server.Completer.
func (c continuer) Name() string { return c.name }

// completers opens those of the named models that continue texts. They give way to
// searches.
func (x *serving) completers(ctx context.Context) ([]continuer, error) {
	var out []continuer
	for _, ref := range x.options.Models {
		name, m := splitModel(ref)
		if !models.Continues(m, x.wiring.aliases) {
			continue
		}
		d, err := models.OpenDecoder(ctx, m, models.Options{Device: x.device, DType: x.options.DType, Bulk: true, Cache: x.wiring.cache, Aliases: x.wiring.aliases})
		if err != nil {
			return out, modelError(err)
		}
		if name == "" {
			name = d.Name
		}
		out = append(out, continuer{d, name})
		if _, err := d.Tokenizer(); err != nil {
			return out, modelError(err)
		}
	}
	return out, nil
}

// served are they as the server takes them.
func served(list []continuer) []server.Completer {
	out := make([]server.Completer, len(list))
	for i, c := range list {
		out[i] = c
	}
	return out
}
