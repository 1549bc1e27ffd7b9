package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/cockroachdb/pebble/v2"
)

// loadShelf makes a shelf of what is saved and what was written since, or else of
// the truth, and publishes it.
func (ix *Index) loadShelf(space Space) error {
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	seq, err1 := counterOf(snap, keySeq)
	next, err2 := counterOf(snap, keyNext)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	l := &shelfLoad{ix: ix, r: snap, next: uint32(next)}
	err := l.saved(space)
	if err == nil {
		err = l.since(min(l.shelf.manifest.Seq, l.shelf.buried.Load()), seq)
	}
	if err != nil {
		if !errors.Is(err, errNotSaved) && ix.tender.stop.Err() == nil {
			ix.logf("index: the vectors of %q are read again: %v", space.Name, err)
		}
		if err := l.everything(space); err != nil {
			return err
		}
	}
	return l.publish(seq)
}

var errNotSaved = errors.New("nothing is saved")

// shelfLoad is a shelf in the making, which nobody else sees.
type shelfLoad struct {
	ix     *Index
	r      pebble.Reader
	next   uint32 // ordinals from it on are not in r
	shelf  *shelf
	over   *stock // to be replaced; nil if there is none
	number int    // of the next file
	full   bool   // no files can be written
}

// saved opens what the manifest lists.
func (l *shelfLoad) saved(space Space) error {
	value, err := read(l.r, []byte(prefixVectors+space.Name))
	if errors.Is(err, ErrNotFound) {
		return errNotSaved
	}
	s := newShelf(l.ix, space)
	if err == nil {
		err = json.Unmarshal(value, &s.manifest)
	}
	if err != nil {
		return err
	}
	l.shelf = s
	if s.manifest.Form != vectorsForm || s.manifest.Space != space {
		return errNotSaved
	}
	files, err := l.openFiles()
	if err != nil {
		for _, f := range files {
			f.close()
		}
		return err
	}
	s.place(func(st *rowState) { st.files = files })
	if s.manifest.Graph != "" {
		if err := l.ix.openGraph(s.stock); err != nil {
			l.ix.quarantine(s.manifest.Graph, err)
			return err
		}
	}
	if g := s.graph.Load(); g == nil || g.Len() > s.n {
		return errNotSaved
	}
	return l.lastRows()
}

// openFiles opens the row files and fills the tables.
func (l *shelfLoad) openFiles() (files []*rowFile, err error) {
	s := l.shelf
	for _, part := range s.manifest.Rows {
		if part.From != s.n || part.To <= part.From {
			return files, fmt.Errorf("the manifest of the vectors of %q: rows %d to %d follow row %d", s.space.Name, part.From, part.To, s.n)
		}
		f, ordinals, err := openRowFile(l.ix.fs(), l.ix.vectorsPath(part.File), part.File, s.space.rowHead(part.From, part.To, 1<<s.rows.shift))
		if err != nil {
			l.ix.quarantine(part.File, err)
			return files, err
		}
		files = append(files, f)
		s.ordinal = s.ordinal.cover(part.To)
		for i, ord := range ordinals {
			if ord >= l.next {
				return files, fmt.Errorf("%s: %w", part.File, errDamagedRows)
			}
			at := uint32(part.From + i)
			s.ordered = s.ordered && (at == 0 || s.ordinal.at(at-1) <= ord)
			s.ordinal.set(at, ord)
		}
		s.n = part.To
	}
	s.first = s.first.cover(int(l.next))
	for row := range uint32(s.n) {
		if ord := s.ordinal.at(row); row == 0 || s.ordinal.at(row-1) != ord {
			if s.first.at(ord) != 0 {
				return files, fmt.Errorf("the rows of ordinal %d do not lie together: %w", ord, errDamagedRows)
			}
			s.first.set(ord, row+1)
		}
	}
	s.tail.from = s.n
	return files, nil
}

// lastRows brings the rows that the graph does not have, and those of the last block,
// into the tail.
func (l *shelfLoad) lastRows() error {
	s := l.shelf
	from := s.rows.whole(s.linked())
	t, err := tail{dim: s.space.Dim, from: from}.reserve(s.n)
	if err != nil {
		return err
	}
	st := s.rows.state.Load()
	failures := s.rows.failures.Load()
	for at := from; at < s.n; {
		end := min(s.n, s.rows.whole(at)+1<<s.rows.shift)
		out := make([]float32, (end-at)*s.space.Dim)
		s.rows.read(st, at, end, out)
		for ; at < end; at++ {
			copy(t.row(at), out)
			out = out[s.space.Dim:]
		}
	}
	s.tail = t
	s.place(func(*rowState) {})
	return s.rows.sinceThen(failures)
}

// since adds what was written after from up to to.
func (l *shelfLoad) since(from, to uint64) error {
	if from > to {
		return fmt.Errorf("the files are of sequence %d, the store is at %d", from, to)
	}
	if from == to {
		return nil
	}
	touched, ended := roaring.New(), roaring.New()
	if err := touchedBetween(l.r, from, to, touched, ended); err != nil {
		return err
	}
	s := l.shelf
	s.first = s.first.cover(int(l.next))
	var added []row
	for it := touched.Iterator(); it.HasNext(); {
		ord := it.Next()
		if s.has(ord) || ord >= l.next {
			continue
		}
		var err error
		if added, err = l.rowsOf(ord, added); err != nil {
			return err
		}
		if len(added) >= loadBatch {
			if err := l.add(added); err != nil {
				return err
			}
			added = added[:0]
		}
	}
	if err := l.add(added); err != nil {
		return err
	}
	ended.Iterate(func(ord uint32) bool {
		l.shelf.each(ord, func(row uint32) { l.shelf.dead.Add(row) })
		return true
	})
	return nil
}

const loadBatch = 1024 // rows added at once

// rowsOf appends a document's vectors.
func (l *shelfLoad) rowsOf(ord uint32, added []row) ([]row, error) {
	space := l.shelf.space
	prefix := vecKey(space.Name, ord, 0)
	prefix = prefix[:len(prefix)-2]
	err := eachIn(l.r, prefix, after(prefix), func(key, value []byte) error {
		v := make([]float32, space.Dim)
		if len(key) != len(prefix)+2 || !decodeVector(v, value) {
			return errDamagedVector
		}
		added = append(added, row{space.Name, ord, v})
		return nil
	})
	return added, err
}

// touchedBetween collects the ordinals that the writes after from up to to gave or
// changed, and those that they ended.
func touchedBetween(r pebble.Reader, from, to uint64, touched, ended *roaring.Bitmap) error {
	last := from
	err := eachIn(r, logKey(from+1), logKey(to+1), func(key, value []byte) error {
		c, err := decodeLog(key, value)
		if err != nil {
			return err
		}
		if c.Seq == last+1 {
			last++
		}
		for _, item := range c.Items {
			touched.Add(item.Ordinal)
		}
		t, err := turnOf(r, c.Seq)
		if err != nil {
			return err
		}
		touched.AddMany(t.changed)
		ended.AddMany(t.ended)
		return nil
	})
	if err == nil && last != to {
		err = fmt.Errorf("the changes since sequence %d are no longer kept", from)
	}
	return err
}

// everything reads all vectors of the truth, into files as far as they are many.
func (l *shelfLoad) everything(space Space) error {
	if l.shelf != nil {
		l.number = l.shelf.manifest.Next
		l.shelf.rows.retire()
	}
	l.shelf = newShelf(l.ix, space)
	l.shelf.manifest.Next = l.number
	l.shelf.first = l.shelf.first.cover(int(l.next))
	prefix := spacePrefix(space.Name)
	var added []row
	err := eachIn(l.r, prefix, after(prefix), func(key, value []byte) error {
		v := make([]float32, space.Dim)
		if len(key) != len(prefix)+6 || !decodeVector(v, value) {
			return errDamagedVector
		}
		ord := ordinalAt(key, len(prefix))
		if len(added) >= loadBatch && added[len(added)-1].ord != ord {
			if err := l.add(added); err != nil {
				return err
			}
			added = added[:0]
		}
		added = append(added, row{space.Name, ord, v})
		return nil
	})
	if err == nil {
		err = l.add(added)
	}
	if err != nil {
		return err
	}
	// Ended documents whose vectors are kept.
	marks := l.ix.view.Load().marks
	for row := range uint32(l.shelf.n) {
		ord := l.shelf.ordinal.at(row)
		if marks[ord/markChunk][ord%markChunk].ended.Load() != 0 {
			l.shelf.dead.Add(row)
		}
	}
	return nil
}

// add adds rows, and writes a file if the tail has become long.
func (l *shelfLoad) add(added []row) error {
	if len(added) == 0 {
		return nil
	}
	if err := context.Cause(l.ix.tender.stop); err != nil {
		return err
	}
	old := l.shelf.n
	s, err := l.shelf.add(added, l.next)
	if err != nil {
		return err
	}
	s.settle(old)
	l.shelf = s
	pace := l.ix.opts.pace
	if s.n >= pace.codesFrom {
		l.ix.tender.lose()
	}
	if s.graph.Load() != nil || s.n < pace.codesFrom || s.n-s.tail.from < pace.flush {
		return nil
	}
	if !l.full {
		files, err := l.ix.writeRows(s, s.n)
		if err != nil {
			l.ix.logf("index: the vectors of %q are not saved: %v", s.space.Name, err)
			l.full = true
		} else {
			s.place(func(st *rowState) { st.files = files })
		}
	}
	l.shelf = s.cut(s.n)
	return nil
}

// publish adds what was written since seq and shows the shelf to searches.
func (l *shelfLoad) publish(seq uint64) error {
	ix := l.ix
	ix.write.Lock()
	defer ix.write.Unlock()
	v := ix.view.Load()
	l.r, l.next = ix.db, ix.next
	if err := l.since(seq, v.seq); err != nil {
		return err
	}
	s := l.shelf
	if now, ok := v.space(s.space.Name); !ok || now != s.space || v.shelves[s.space.Name].held() != l.over {
		return errReplaced
	}
	if g := s.graph.Load(); g != nil {
		g.Delete(s.dead.ToArray()...)
	}
	// Of a document whose past is forgotten nothing else says that it is gone.
	s.dead.Iterate(func(row uint32) bool {
		if ord := s.ordinal.at(row); !v.ended(ord) {
			v.marks.end(ord, 1)
		}
		return true
	})
	s.buried.Store(v.seq)
	next := v.clone()
	next.shelves[s.space.Name] = s
	ix.view.Store(next)
	return nil
}

var errReplaced = errors.New("the space was dropped or defined meanwhile")

// held is the shelf's stock, nil without a shelf.
func (s *shelf) held() *stock {
	if s == nil {
		return nil
	}
	return s.stock
}

// sameStock returns the view's shelf of a stock, nil if it was replaced.
func (v *view) sameStock(s *stock) *shelf {
	if now := v.shelves[s.space.Name]; now != nil && now.stock == s {
		return now
	}
	return nil
}
