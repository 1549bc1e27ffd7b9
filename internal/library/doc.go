// Package library keeps folders of pictures searchable: it walks them, embeds
// what is new, hides what is gone, and answers queries of words and pictures.
//
// Its few types: Store is a data directory of named libraries; Library is one of
// them, over an index; Embedder is the model it needs; Query is a parsed query,
// Hit an answer; Options and Report are the two ends of Index, which brings a
// library up to date with its folders.
//
// Caveat: a library belongs to one model, until Migrate gives it another. Another
// model's vectors are refused with an Error of KindModel that says what helps.
//
//	store, err := library.OpenStore(dataDir)
//	lib, err := store.Open("default")
//	report, err := lib.Index(ctx, model, library.Options{Roots: []string{"/home/me/Pictures"}})
//	query, err := library.ParseQuery("beach - people")
//	hits, err := lib.Search(ctx, model, query, library.SearchOptions{Limit: 20})
package library
