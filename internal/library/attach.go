package library

import (
	"context"
	"errors"
	"maps"

	"github.com/emblem-search/emblem/index"
)

// attach adds the vectors of a space to a document beside those that it has.
func (l *Library) attach(ctx context.Context, id, space string, vectors [][]float32) error {
	d, err := l.ix.Get(id)
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.Vectors == nil {
		d.Vectors = map[string][][]float32{}
	}
	d.Vectors[space] = vectors
	receipt, err := l.ix.Put(ctx, d)
	return errors.Join(err, receipt.Err())
}

// dropSpace takes the vectors of a space from all documents.
func (l *Library) dropSpace(ctx context.Context, space string) error {
	for d, err := range l.ix.Documents() {
		if err != nil {
			return err
		}
		full, err := l.ix.Get(d.ID)
		if errors.Is(err, index.ErrNotFound) || err == nil && full.Vectors[space] == nil {
			continue
		}
		if err != nil {
			return err
		}
		full.Vectors = maps.Clone(full.Vectors)
		delete(full.Vectors, space)
		receipt, err := l.ix.Put(ctx, full)
		if err := errors.Join(err, receipt.Err()); err != nil {
			return err
		}
	}
	return nil
}
