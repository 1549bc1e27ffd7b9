package index

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// pace says from when on something is done; tests do everything early.
type pace struct {
	codesFrom int           // rows of a space from which they have codes; fewer are compared in memory
	graphFrom int           // rows from which the codes are linked; fewer are compared by their codes
	exactTo   int           // rows up to which a query that says nothing about recall is exact
	move      int           // rows in the tail from which they are moved at once
	quiet     time.Duration // without a write, after which any are moved
	flush     int           // rows in memory from which they are written to a file
	check     time.Duration // between two looks at the files
	own       int           // rows of a space that stand for new ones, to learn from
}

var usualPace = pace{codesFrom: 4096, graphFrom: 50_000, exactTo: 50_000, move: 1024, quiet: 200 * time.Millisecond, flush: 1 << 14, check: 3 * time.Second, own: 400}

// stored is what the background knows of a stock.
type stored struct {
	allow    allowCache
	buried   atomic.Uint64 // what ended up to it is deleted in the graph
	suspect  atomic.Bool   // an answer was not what the truth has
	manifest shelfManifest
	dead     *roaring.Bitmap // rows that ended in this process, or were ended when it began
	walked   atomic.Bool     // all rows of the graph are linked
	built    int             // rows when the codes were made
	taught   atomic.Int64    // rows when the graph learned, 0 if it did not
	reach    atomic.Uint64   // see strange; the bits of a float64
	unsaved  atomic.Int64    // rows and deletions since the graph was saved
	linkedTo int             // rows that are linked, while not all are
	busy     bool            // a change of the graph was left to itself
	counted  time.Time       // when the dead rows whose truth is gone were counted
}

// countAgain is how often it is worth to count the dead rows whose truth is gone.
const countAgain = 10 * time.Minute

// tender looks after the shelves, in the background.
type tender struct {
	start sync.Once
	stop  context.Context
	end   context.CancelFunc
	wake  chan struct{}
	done  chan struct{} // closed when the background has ended

	patience chan struct{} // closed when searches need not wait for what is being loaded
	lost     sync.Once

	ended []uint32     // ordinals that ended since they were last taken; under Index.write
	wrote atomic.Int64 // when something was written, in nanoseconds
	later time.Time    // nothing is tried before, since something failed
	learn atomic.Bool  // Learn was called
	gate  gate
}

// load returns a view with shelves. While they are loaded for the first time it waits,
// unless that takes long; then searches read the truth.
func (ix *Index) load() (*view, error) {
	ix.tendRows()
	select {
	case <-ix.tender.patience:
	case <-ix.tender.stop.Done():
		return nil, ErrClosed
	}
	return ix.view.Load(), nil
}

// tendRows begins to look after the shelves. The caller does not hold the write lock.
func (ix *Index) tendRows() {
	t := &ix.tender
	t.start.Do(func() {
		t.stop, t.end = context.WithCancel(context.Background())
		t.wake, t.done, t.patience = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
		go ix.tend()
	})
}

// lose ends the patience of searches.
func (t *tender) lose() { t.lost.Do(func() { close(t.patience) }) }

// awake lets the background see what there is to do.
func (t *tender) awake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// noteRows tells the background of a write. The caller holds the write lock.
func (ix *Index) noteRows(w *writer) {
	t := &ix.tender
	t.ended = append(t.ended, w.ended...)
	t.wrote.Store(time.Now().UnixNano())
	ix.tendRows()
	t.awake()
}

func (ix *Index) tend() {
	t := &ix.tender
	defer close(t.done)
	defer t.lose()
	ix.loadShelves()
	t.lose()
	timer := time.NewTimer(0)
	defer timer.Stop()
	checked := time.Now()
	for t.stop.Err() == nil {
		for ix.tidyRows() {
		}
		wait := ix.opts.pace.check
		if ix.waiting() {
			wait = min(wait, ix.opts.pace.quiet)
		}
		timer.Reset(wait)
		select {
		case <-t.wake:
		case <-timer.C:
		case <-t.stop.Done():
		}
		if time.Since(checked) >= ix.opts.pace.check {
			ix.checkFiles()
			checked = time.Now()
		}
	}
}

// loadShelves loads the spaces that have no shelf yet.
func (ix *Index) loadShelves() {
	ix.write.Lock()
	v := ix.view.Load()
	if v.shelves == nil {
		v = v.clone()
		v.shelves = map[string]*shelf{}
		ix.view.Store(v)
	}
	ix.write.Unlock()
	for _, s := range v.schema {
		if err := ix.loadShelf(s); err != nil && ix.tender.stop.Err() == nil {
			ix.logf("index: the vectors of %q cannot be read: %v", s.Name, err)
		}
	}
}

// waiting says whether rows wait for quiet.
func (ix *Index) waiting() bool {
	for _, s := range ix.view.Load().shelves {
		if s.graph.Load() != nil && s.linked() < s.n || s.unsaved.Load() > 0 {
			return true
		}
	}
	return false
}

// since is how long ago something was written.
func (t *tender) since() time.Duration { return time.Since(time.Unix(0, t.wrote.Load())) }

// tidyRows does one thing that is due in each space and says whether there was any.
func (ix *Index) tidyRows() bool {
	did := ix.bury()
	if ix.tender.learn.Swap(false) {
		for _, s := range ix.view.Load().shelves {
			s.taught.Store(0)
		}
	}
	for name := range ix.view.Load().shelves {
		if ix.tender.stop.Err() != nil || time.Now().Before(ix.tender.later) {
			return false
		}
		if s := ix.view.Load().shelves[name]; s != nil && ix.tidy(s) {
			did = true
		}
	}
	return did
}

// tidy does one thing that is due.
func (ix *Index) tidy(s *shelf) bool {
	pace := ix.opts.pace
	linked, quiet := s.linked(), ix.tender.since()
	g := s.graph.Load()
	switch {
	case s.suspect.Load() || g != nil && !s.walked.Load() && s.n >= 2*s.built && s.built < pace.graphFrom:
		return ix.restock(s)
	case g == nil && s.n >= pace.codesFrom:
		return ix.try(s, "made", s.encode)
	case g == nil:
		return false
	case !s.walked.Load() && linked >= pace.graphFrom:
		return ix.try(s, "linked", s.link)
	case s.n-linked >= pace.move || s.n > linked && quiet >= pace.quiet:
		return ix.try(s, "moved", func() error { return s.move(min(s.n, linked+pace.move)) })
	case linked-s.tail.from >= pace.flush+1<<s.rows.shift:
		return ix.flush(s)
	case s.unsaved.Load() > int64(max(linked/4, pace.move)) || s.unsaved.Load() > 0 && quiet >= 10*pace.quiet:
		return ix.flush(s) && ix.try(s, "saved", func() error { return ix.saveGraph(s.stock) })
	case s.walked.Load() && s.untaught(linked):
		return ix.try(s, "learned", func() error { return ix.teach(s) })
	case s.walked.Load() && g.Loose() > linked/5:
		return ix.try(s, "mended", func() error { return ix.aside(s, g.Compact) })
	case int(s.dead.GetCardinality()) > s.n/5 && time.Since(s.counted) > countAgain:
		return ix.forgotten(s) > s.n/5 && ix.restock(s)
	}
	return false
}

// untaught says whether a graph of so many rows has still to learn, or again.
func (s *stock) untaught(rows int) bool {
	taught := int(s.taught.Load())
	return taught == 0 || rows >= taught+taught/2
}

// try tells of what could not be done; it is due again after the next look at the
// files.
func (ix *Index) try(s *shelf, what string, do func() error) bool {
	if err := do(); err != nil {
		if ix.tender.stop.Err() == nil {
			ix.logf("index: the vectors of %q could not be %s: %v", s.space.Name, what, err)
		}
		ix.tender.later = time.Now().Add(ix.opts.pace.check)
		return false
	}
	return true
}

// bury deletes from the graphs what ended, once no search is left that may see it.
func (ix *Index) bury() bool {
	ix.write.Lock()
	ended, v := ix.tender.ended, ix.view.Load()
	ix.tender.ended = nil
	ix.write.Unlock()
	if len(ended) == 0 {
		return false
	}
	for _, s := range v.shelves {
		s.buried.Store(v.seq)
	}
	ix.wait()
	for _, s := range v.shelves {
		var rows []uint32
		for _, ord := range ended {
			s.each(ord, func(row uint32) { rows = append(rows, row) })
		}
		s.dead.AddMany(rows)
		s.unsaved.Add(int64(len(rows)))
		if g := s.graph.Load(); g != nil {
			g.Delete(rows...)
		}
	}
	return true
}

// wait returns when the searches that are under way have ended, or the index is
// being closed.
func (ix *Index) wait() {
	select {
	case <-ix.crowd.turn():
	case <-ix.tender.stop.Done():
	}
}

// aside does work that cannot be interrupted; when the index is closed meanwhile, it
// is left to itself, and the graph is not saved.
func (ix *Index) aside(s *shelf, work func()) error {
	done := make(chan struct{})
	go func() { defer close(done); work() }()
	select {
	case <-done:
		return nil
	case <-ix.tender.stop.Done():
		s.busy = true
		return context.Cause(ix.tender.stop)
	}
}
