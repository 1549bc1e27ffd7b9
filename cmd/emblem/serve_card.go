package main

import (
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/builtin"
	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/server"
)

var _ server.Carded = service{}

// Card implements server.Carded. Licences are known of the built-in model and of
// well-known ones; others' folders do not say it in a way that can be relied on.
func (s service) Card() server.Card {
	c := server.Card{
		Family: s.Family(), DType: s.DType(), Parameters: s.Parameters(),
		ImageSide: s.ImageSide(), TextTokens: s.TextTokens(), Knows: s.Note,
	}
	if illustrationsOnly(s.dual.Name()) {
		c.Licence = builtin.Licence
		return c
	}
	if a, ok := wellKnown(s.dual.Name()); ok {
		c.Licence, c.Knows = a.Licence, a.Note
	}
	return c
}

// wellKnown finds a model by its repository or the last part of that.
func wellKnown(name string) (hub.Alias, bool) {
	list := hub.Aliases()
	i := slices.IndexFunc(list, func(a hub.Alias) bool {
		return strings.EqualFold(a.Repo, name) || strings.EqualFold(a.Name, name)
	})
	if i < 0 {
		return hub.Alias{}, false
	}
	return list[i], true
}

// suggestedModels are for photographs: the usual one, and one for more languages.
var suggestedModels = []string{photoModel, "google/siglip2-base-patch16-224"}

// photoTime is what indexing with the usual model takes, by docs/performance.md and
// the decoding of 12 megapixels beside it.
const photoTime = "a minute or two for 1,000 photographs on two cores"

// suggestions are what the page offers to who has photographs.
func suggestions() []server.Suggestion {
	var out []server.Suggestion
	for i, name := range suggestedModels {
		a, ok := wellKnown(name)
		if !ok {
			continue
		}
		time := photoTime
		if i > 0 {
			time = "up to four times as long"
		}
		out = append(out, server.Suggestion{Model: a.Repo, Bytes: int64(a.MB) * 1e6, Licence: a.Licence, Knows: a.Note, Time: time})
	}
	return out
}
