package index

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

const (
	scanBlock  = 64   // rows scored at once
	scanWorker = 4096 // rows from which another core is worth waking
)

// scores compares a query with rows, in float32.
func (s Space) scores(q []float32, rows vector.Rows, ids []uint32) ([]float32, error) {
	scorer, err := vector.NewScorer(s.metric())
	if err != nil {
		return nil, err
	}
	return scorer.Scores(q, rows, ids, make([]float32, 0, len(ids))), nil
}

// best is the score of the best of a document's vectors, as searches compute it.
func (s Space) best(q []float32, list [][]float32) (float32, error) {
	scorer, err := vector.NewScorer(s.metric())
	if err != nil {
		return 0, err
	}
	var scores []float32
	for _, v := range list {
		scores = scorer.Scores(q, vector.Matrix{Data: v, Dim: len(v)}, []uint32{0}, scores)
	}
	return slices.Max(scores), nil
}

// unlinked compares the rows from from on, which lie in the tail.
func (l *look) unlinked(from int, allow vector.Bitmap, best map[uint32]match) error {
	n := l.shelf.n - from
	if n <= 0 {
		return nil
	}
	workers := min(runtime.GOMAXPROCS(0), n/scanWorker+1)
	found := make([]winners, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			found[w] = winners{limit: l.query.Limit, look: l}
			errs[w] = l.scanTail(from+n*w/workers, from+n*(w+1)/workers, allow, &found[w])
		})
	}
	wg.Wait()
	l.out.Visited += n
	l.out.Rescored += n
	for _, f := range found {
		for _, m := range f.list {
			l.offer(best, m)
		}
	}
	return errors.Join(errs...)
}

// tailRows are the rows of a view's tail.
type tailRows struct{ tail }

func (t tailRows) Row(id uint32) []float32 { return t.row(int(id)) }

func (l *look) scanTail(from, to int, allow vector.Bitmap, found *winners) error {
	scorer, err := vector.NewScorer(l.space.metric())
	if err != nil {
		return err
	}
	ids, scores := make([]uint32, 0, scanBlock), make([]float32, 0, scanBlock)
	for at := from; at < to; {
		ids = ids[:0]
		for ; at < to && len(ids) < scanBlock; at++ {
			if allow == nil || allow.Has(uint32(at)) {
				ids = append(ids, uint32(at))
			}
		}
		scores = scorer.Scores(l.vector, tailRows{l.shelf.tail}, ids, scores[:0])
		for i, id := range ids {
			found.add(match{scores[i], l.shelf.ordinal.at(id), id})
		}
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
	}
	found.flush()
	return nil
}

// winners are the best documents of a scan that comes by all rows of a document in
// turn.
type winners struct {
	limit int
	look  *look
	list  []match // a heap, the worst first
	last  match   // the best row of the document that the scan is at
	any   bool
}

func (w *winners) add(m match) {
	switch {
	case w.any && w.last.ord == m.ord:
		if m.score > w.last.score {
			w.last = m
		}
		return
	case w.any:
		w.flush()
	}
	w.last, w.any = m, true
}

// flush takes the last document if it is good enough and the view sees it.
func (w *winners) flush() {
	m := w.last
	if !w.any || w.limit == 0 || len(w.list) == w.limit && better(m.scored(), w.list[0].scored()) > 0 || !w.look.wanted(m.ord) {
		return
	}
	w.any = false
	if len(w.list) < w.limit {
		w.list = append(w.list, m)
		w.up(len(w.list) - 1)
		return
	}
	w.list[0] = m
	w.down()
}

func (w *winners) worse(i, j int) bool { return better(w.list[i].scored(), w.list[j].scored()) > 0 }

func (w *winners) up(i int) {
	for i > 0 && w.worse(i, (i-1)/2) {
		w.list[i], w.list[(i-1)/2] = w.list[(i-1)/2], w.list[i]
		i = (i - 1) / 2
	}
}

func (w *winners) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(w.list) {
			return
		}
		if child+1 < len(w.list) && w.worse(child+1, child) {
			child++
		}
		if !w.worse(child, i) {
			return
		}
		w.list[i], w.list[child] = w.list[child], w.list[i]
		i = child
	}
}

// wanted says whether a document may be found.
func (l *look) wanted(ord uint32) bool {
	return l.v.visible(ord) && (l.passed == nil || l.passed.Contains(ord)) && (l.query.Keep == nil || l.query.Keep(ord))
}

// truth compares the vectors in the store with the query: while what is derived is
// being made, or when it cannot be trusted. A state of the store that is later than
// the view has what the view has, and more that the view does not see.
func (l *look) truth() ([]scored, error) {
	*l.out = Found{Seq: l.v.seq, Plan: PlanExact, Expected: 1}
	snap := l.ix.db.NewSnapshot()
	defer snap.Close()
	next := uint64(l.v.next)
	workers := runtime.GOMAXPROCS(0)
	found := make([]winners, workers)
	errs := make([]error, workers)
	counts := make([]int, workers)
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		wg.Go(func() {
			found[w] = winners{limit: l.query.Limit, look: l}
			from, to := next*w/uint64(workers), next*(w+1)/uint64(workers)
			counts[w], errs[w] = l.scanTruth(snap, uint32(from), uint32(to), &found[w])
		})
	}
	wg.Wait()
	best := map[uint32]match{}
	for w, f := range found {
		l.out.Visited += counts[w]
		l.out.Rescored += counts[w]
		for _, m := range f.list {
			best[m.ord] = m
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var out []scored
	for _, m := range l.best(best) {
		out = append(out, m.scored())
	}
	return out, nil
}

// scanTruth compares the vectors of ordinals from from to to.
func (l *look) scanTruth(r pebble.Reader, from, to uint32, found *winners) (n int, err error) {
	scorer, err := vector.NewScorer(l.space.metric())
	if err != nil {
		return 0, err
	}
	prefix := spacePrefix(l.space.Name)
	some := vector.Matrix{Dim: l.space.Dim, Data: make([]float32, scanBlock*l.space.Dim)}
	var ids, ords []uint32
	var scores []float32
	score := func() {
		scores = scorer.Scores(l.vector, some, ids, scores[:0])
		for i, ord := range ords {
			found.add(match{scores[i], ord, 0})
		}
		ids, ords = ids[:0], ords[:0]
	}
	err = eachIn(r, vecKey(l.space.Name, from, 0), vecKey(l.space.Name, to, 0), func(key, value []byte) error {
		if len(key) != len(prefix)+6 || !decodeVector(some.Row(uint32(len(ids))), value) {
			return errDamagedVector
		}
		n++
		ids, ords = append(ids, uint32(len(ids))), append(ords, ordinalAt(key, len(prefix)))
		if len(ids) == scanBlock {
			score()
			if l.ctx.Err() != nil {
				return context.Cause(l.ctx)
			}
		}
		return nil
	})
	score()
	found.flush()
	return n, err
}
