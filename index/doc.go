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
// or none of it. Scores are exact: every vector of a space is compared.
//
// Caveat: the first Search reads all vectors into memory (4 bytes × dimensions
// each, outside the Go heap) and they stay until Close; filters keep about 50
// bytes of each document.
//
//	ix, err := index.Open(dir, index.Options{})
//	err = ix.Define(index.Space{Name: "image", Dim: 512, Encoder: "clip", Fingerprint: "3f…"})
//	_, err = ix.Put(ctx, index.Document{
//		ID:      "/pictures/a.jpg",
//		Vectors: map[string][][]float32{"image": {v}},
//	})
//	found, err := ix.Search(ctx, index.Query{Space: "image", Vector: q, Limit: 10})
package index
