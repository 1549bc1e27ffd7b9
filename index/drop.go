package index

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Drop removes a space and all its vectors, those of the past too, durably.
// Documents stay, even without any vector.
func (ix *Index) Drop(space string) error {
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	ix.write.Lock()
	defer ix.write.Unlock()
	next := ix.view.Load().clone()
	if _, ok := next.space(space); !ok {
		return fmt.Errorf("index: no space %q", space)
	}
	next.schema = slices.DeleteFunc(slices.Clone(next.schema), func(s Space) bool { return s.Name == space })
	delete(next.shelves, space)
	schema, err := json.Marshal(next.schema)
	if err != nil {
		return err
	}
	b := ix.db.NewBatch()
	defer b.Close()
	b.Set([]byte(keySchema), schema, nil)
	b.Set([]byte(prefixDropped+space), nil, nil)
	b.DeleteRange(spacePrefix(space), after(spacePrefix(space)), nil)
	b.Delete([]byte(prefixVectors+space), nil)
	b.Delete([]byte(prefixLearn+space), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("index: write: %w", err)
	}
	ix.view.Store(next)
	return nil
}

// scrub takes a space that was dropped out of all records, before there can be
// vectors in one of this name again. The caller holds the write lock.
func (ix *Index) scrub(space string) error {
	mark := []byte(prefixDropped + space)
	if dropped, err := has(ix.db, mark); err != nil || !dropped {
		return err
	}
	b := ix.db.NewBatch()
	defer func() { b.Close() }()
	for _, prefix := range []string{prefixDoc, prefixPast} {
		err := ix.each([]byte(prefix), func(key, value []byte) error {
			flag := 0
			if prefix == prefixPast {
				flag = 1
			}
			if err := scrubRecord(b, key, value, flag, space); err != nil || b.Len() < trimBytes {
				return err
			}
			err := b.Commit(pebble.Sync)
			b.Close()
			b = ix.db.NewBatch()
			return err
		})
		if err != nil {
			return err
		}
	}
	b.Delete(mark, nil)
	forgetDerived(b, space)
	return b.Commit(pebble.Sync)
}

// scrubRecord rewrites a record that counts vectors in the space; flag is the number
// of bytes before it.
func scrubRecord(b *pebble.Batch, key, value []byte, flag int, space string) error {
	if len(value) < flag {
		return errDamagedPast
	}
	rec, err := decodeRecord(value[flag:])
	if err != nil || rec.Spaces[space] == 0 {
		return err
	}
	delete(rec.Spaces, space)
	stored, err := rec.encode()
	if err != nil {
		return err
	}
	return b.Set(key, append(slices.Clone(value[:flag]), stored...), nil)
}

// forgetDerived gives up what was derived of a space; its files are nobody's then.
func forgetDerived(b *pebble.Batch, space string) {
	b.Delete([]byte(prefixVectors+space), nil)
	b.Delete([]byte(prefixLearn+space), nil)
}
