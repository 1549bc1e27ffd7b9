// Package index keeps documents with metadata and vectors durably and finds the
// nearest vectors.
//
// Its few types: Index is an open directory; Document is what is stored, under
// an id of the caller's; Space is a named kind of vector; Change is one write,
// Receipt what became of it; Query and Hit are a search and its answer; Filter restricts
// a search by metadata.
//
// Pebble is the truth. A write is acknowledged when it is on disk; writers that
// wait at the same time share one sync. A search sees one moment: all of a write
// or none of it.
//
// Everything else is derived and may be deleted or damaged at any time, also while
// it is used: it is made again, and answers come from the truth until then. Some
// thousand vectors of a space are compared in memory, more by 4-bit codes first, many
// by walks on a graph of the codes. Scores are exact and come from the stored vectors;
// an Exact query has the hits and the order too, others the recall that they ask for.
//
// Query.Words searches names, captions and tags by their words; with a vector too, the
// two rankings are fused.
//
// Caveat: codes and graph take about 0.46 GB of memory per million vectors of 512
// dimensions; they are read at the first search or write and kept up in the background
// until Close. Filters keep about 50 bytes of each document.
//
//	ix, err := index.Open(dir, index.Options{})
//	err = ix.Define(index.Space{Name: "image", Dim: 512, Encoder: "clip", Fingerprint: "3f…"})
//	_, err = ix.Put(ctx, index.Document{
//		ID:      "/pictures/a.jpg",
//		Vectors: map[string][][]float32{"image": {v}},
//	})
//	found, err := ix.Search(ctx, index.Query{Space: "image", Vector: q, Limit: 10})
package index
