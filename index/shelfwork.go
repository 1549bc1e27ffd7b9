package index

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

// piece is how many rows are encoded or linked before the background looks whether
// the index is being closed.
const piece = 4096

// encode makes codes of all rows.
func (s *shelf) encode() error {
	o := vector.Options{Dim: s.space.Dim, Metric: s.space.metric(), Seed: 1}
	codes, err := vector.NewCodes(o, vector.Mean(s.rows, s.n), s.n)
	if err != nil {
		return err
	}
	g, err := vector.NewGraph(codes, s.rows, vector.GraphOptions{})
	if err != nil {
		return err
	}
	failures := s.rows.failures.Load()
	for at := 0; at < s.n; {
		at = min(at+piece, s.n)
		if err := s.rows.ix.tender.stop.Err(); err != nil {
			return err
		}
		if err := g.Encode(at); err != nil {
			return err
		}
	}
	if err := s.rows.sinceThen(failures); err != nil {
		return err
	}
	g.Delete(s.dead.ToArray()...)
	s.walked.Store(false)
	s.built, s.linkedTo = s.n, 0
	s.taught.Store(0)
	s.unsaved.Add(int64(s.n))
	s.graph.Store(g)
	return nil
}

// link links a piece of the encoded rows.
func (s *shelf) link() error {
	g := s.graph.Load()
	to := min(s.linkedTo+piece, g.Len())
	failures := s.rows.failures.Load()
	if err := errors.Join(g.Add(to), s.rows.sinceThen(failures)); err != nil {
		return err
	}
	s.unsaved.Add(int64(to - s.linkedTo))
	s.linkedTo = to
	s.walked.Store(to == g.Len())
	return nil
}

// move brings rows of the tail into codes and graph.
func (s *shelf) move(to int) error {
	g := s.graph.Load()
	failures := s.rows.failures.Load()
	add := g.Encode
	if s.walked.Load() {
		add = g.Add
	}
	s.unsaved.Add(int64(to - g.Len()))
	return errors.Join(add(to), s.rows.sinceThen(failures))
}

// flush writes the rows of the tail to a file and lets go of those that the graph
// has.
func (ix *Index) flush(s *shelf) bool {
	ix.write.Lock()
	v := ix.view.Load()
	now := v.sameStock(s.stock)
	ix.write.Unlock()
	if now == nil {
		return false
	}
	old := now.rows.state.Load().files
	files, err := ix.writeRows(now, now.n)
	return ix.try(s, "saved", func() error {
		if err != nil {
			return err
		}
		ix.shift(s.stock, files, now.n)
		ix.dropFiles(old, files)
		runtime.KeepAlive(now) // whose slabs they read
		s.manifest.Seq = v.seq
		return ix.saveManifest(s.stock)
	})
}

// shift tells searches of new files, which have the rows below filed.
func (ix *Index) shift(s *stock, files []*rowFile, filed int) {
	ix.write.Lock()
	defer ix.write.Unlock()
	v := ix.view.Load()
	now := v.sameStock(s)
	if now == nil {
		return
	}
	now.place(func(st *rowState) { st.files = files })
	next := v.clone()
	next.shelves[s.space.Name] = now.cut(min(filed, s.linked()))
	ix.view.Store(next)
}

// dropFiles closes files that are not used any more.
func (ix *Index) dropFiles(old, now []*rowFile) {
	ix.wait() // also for those who read slabs that were let go
	for _, f := range old {
		if !slices.Contains(now, f) {
			f.close()
		}
	}
}

// restock makes a stock anew from the truth, without the rows whose truth is gone,
// and puts it in place of s.
func (ix *Index) restock(s *shelf) bool {
	return ix.try(s, "made anew", func() error {
		snap := ix.db.NewSnapshot()
		defer snap.Close()
		seq, err1 := counterOf(snap, keySeq)
		next, err2 := counterOf(snap, keyNext)
		l := &shelfLoad{ix: ix, r: snap, next: uint32(next)}
		l.number, l.over = s.manifest.Next, s.stock
		if err := errors.Join(err1, err2, l.everything(s.space)); err != nil {
			return err
		}
		if err := ix.ready(l.shelf); err != nil {
			l.shelf.rows.retire()
			return err
		}
		if err := l.publish(seq); err != nil {
			l.shelf.rows.retire()
			return err
		}
		ix.wait()
		s.rows.retire()
		ix.flush(l.shelf)
		return nil
	})
}

// ready encodes, links and teaches a shelf that nobody sees yet, as far as it has
// rows enough.
func (ix *Index) ready(s *shelf) error {
	if s.n < ix.opts.pace.codesFrom {
		return nil
	}
	if err := s.encode(); err != nil || s.n < ix.opts.pace.graphFrom {
		return err
	}
	for !s.walked.Load() {
		if err := ix.tender.stop.Err(); err != nil {
			return err
		}
		if err := s.link(); err != nil {
			return err
		}
	}
	return ix.teach(s)
}

// distrust says that a stock gave an answer that is not what the truth has: it is
// made anew, and searches read the truth until then.
func (ix *Index) distrust(s *stock) {
	s.suspect.Store(true)
	ix.damages.Add(1)
	ix.tender.awake()
}

// forgotten counts the dead rows whose truth is gone.
func (ix *Index) forgotten(s *shelf) int {
	s.counted = time.Now()
	kept := roaring.New()
	if err := ix.each([]byte(prefixEnd), func(key, _ []byte) error { kept.Add(ordinalAt(key, len(prefixEnd))); return nil }); err != nil {
		return 0
	}
	n := 0
	s.dead.Iterate(func(row uint32) bool {
		if !kept.Contains(s.ordinal.at(row)) {
			n++
		}
		return true
	})
	return n
}

// checkFiles looks whether the files are there and writes again what is not, or was
// found damaged.
func (ix *Index) checkFiles() {
	for name := range ix.view.Load().shelves {
		if s := ix.view.Load().shelves[name]; s.graph.Load() != nil && ix.tender.stop.Err() == nil {
			ix.mend(s)
		}
	}
}

// mend writes damaged files of a shelf again. Once a file of the graph is needed the
// rows come first.
func (ix *Index) mend(s *shelf) {
	old := s.rows.state.Load().files
	files := slices.Clone(old)
	for i, f := range files {
		if !f.bad.Load() && ix.intact(f.name, f.size()) {
			continue
		}
		if f.bad.Load() {
			ix.quarantine(f.name, errDamagedRows)
		} else {
			ix.logf("index: %s is gone or of another length, it is written again", f.name)
		}
		fresh, err := ix.writeRowFile(s, f.from, f.to)
		if err != nil {
			ix.logf("index: the vectors of %q are not saved: %v", s.space.Name, err)
			return
		}
		files[i] = fresh
	}
	if !slices.Equal(old, files) {
		ix.shift(s.stock, files, files[len(files)-1].to)
		ix.dropFiles(old, files)
		runtime.KeepAlive(s)
		ix.try(s, "saved", func() error { return ix.saveManifest(s.stock) })
	}
	if m := s.manifest; m.Graph != "" && !ix.intact(m.Graph, m.Size) && ix.flush(s) {
		ix.try(s, "saved", func() error { return ix.saveGraph(s.stock) })
	}
}

// closeRows ends the background and saves what changed.
func (ix *Index) closeRows() {
	t := &ix.tender
	t.start.Do(func() {})
	if t.end == nil {
		return
	}
	t.end()
	<-t.done
	ix.bury()
	for name := range ix.view.Load().shelves {
		s := ix.view.Load().shelves[name]
		if s.graph.Load() != nil && !s.suspect.Load() {
			ix.mend(s)
			if ix.flush(s) && s.unsaved.Load() > 0 && !s.busy {
				ix.try(s, "saved", func() error { return ix.saveGraph(s.stock) })
			}
		}
	}
	t.gate.close()
	for _, s := range ix.view.Load().shelves {
		for _, f := range s.rows.state.Load().files {
			f.close()
		}
	}
}
