// Package models opens a model by the name that people give it.
//
// A name is, in this order: an existing folder; builtin/search; an alias;
// ORG/NAME in the shared Hugging Face cache. [Open] hands out a [Model], which
// several users share while it is open; the last [Model.Close] frees it. A [Budget]
// bounds the memory of many: weights come when they are used and go when others
// need the room. [List] says what there is.
//
// Caveat: a model that is not here is a [*hub.NotFound]; nothing is downloaded.
//
//	m, err := models.Open(ctx, "builtin/search", models.Options{})
//	defer m.Close()
//	vectors, err := m.EmbedTexts(ctx, []string{"a cat"})
package models
