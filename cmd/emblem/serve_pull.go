package main

import (
	"context"
	"time"

	"github.com/emblem-search/emblem/internal/hub"
)

// pullFirst opens a model that is not here after fetching it, if that is allowed: a
// server opens no connection that it was not told to.
func (x *serving) pullFirst(ctx context.Context, choice modelChoice, missing *hub.NotFound) (embedder, error) {
	if !x.options.Pull {
		return nil, refusef("model_not_found", "%w; or start the server with --pull, which does that first", missing)
	}
	start := time.Now()
	got, err := x.fetch(ctx, choice.Ref, &pullMeter{log: x.log, told: start})
	if err != nil {
		return nil, err
	}
	x.log.Info("a model is here", append([]any{"model", got.Repo, "revision", got.Revision, "bytes", got.Bytes, "took", time.Since(start).Round(time.Millisecond)}, licence(got.Licence)...)...)
	return x.host.model(ctx, choice)
}
