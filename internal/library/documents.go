package library

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// Document returns a document with its vectors, or index.ErrNotFound.
func (l *Library) Document(id string) (index.Document, error) { return l.ix.Get(id) }

// Put adds or replaces documents that are nobody's files: somebody's own, with
// their vectors. Vectors of the library's model go into Space.
func (l *Library) Put(ctx context.Context, docs ...index.Document) (index.Receipt, error) {
	return l.ix.Put(ctx, docs...)
}

// Space is the space of the vectors that answer: those of the library's model.
func (l *Library) Space() string { return l.Manifest().space() }

// Delete removes documents. A picture's file stays, and the next Index finds it
// again.
func (l *Library) Delete(ctx context.Context, ids ...string) (index.Receipt, error) {
	return l.ix.Delete(ctx, ids...)
}

// Define makes a space for vectors of somebody's own, if there is none of that
// name yet.
func (l *Library) Define(s index.Space) error { return l.ix.Define(s) }

// Holds says whether a document's id is a path in the folders that were indexed.
func (l *Library) Holds(id string) bool {
	return filepath.IsAbs(id) && filepath.Clean(id) == id &&
		slices.ContainsFunc(l.Manifest().Roots, func(root string) bool { return Within(id, root) })
}
