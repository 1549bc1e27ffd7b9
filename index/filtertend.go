package index

import "context"

// saveAt is how many changes are worth a new state on disk before Close.
func (ix *Index) saveAt() uint64 { return uint64(16 * ix.opts.seal) }

// keepFacts begins to look after facts in the background; it reads them first.
func (ix *Index) keepFacts() {
	k := &ix.keeper
	k.start.Do(func() {
		k.stop, k.end = context.WithCancel(context.Background())
		k.wake, k.done = make(chan struct{}, 1), make(chan struct{})
		go ix.tendFacts()
	})
}

func (ix *Index) tendFacts() {
	k := &ix.keeper
	defer close(k.done)
	if _, err := ix.factsNow(); err != nil && k.stop.Err() == nil {
		ix.logf("index: metadata cannot be read: %v", err)
	}
	for {
		for ix.tidyFacts() {
		}
		select {
		case <-k.wake:
		case <-k.stop.Done():
			return
		}
	}
}

// wakeFacts lets the background see what there is to do.
func (ix *Index) wakeFacts() {
	select {
	case ix.keeper.wake <- struct{}{}:
	default:
	}
}

// closeFacts ends the background and saves what changed.
func (ix *Index) closeFacts() {
	k := &ix.keeper
	k.start.Do(func() {})
	if k.end == nil {
		return
	}
	k.end()
	<-k.done
	if f := ix.view.Load().facts; f != nil && (k.fresh.Load() || f.changes != k.saved.Load()) {
		ix.saveFacts()
	}
}

// noteFacts passes a write on to the next view. The caller holds the write lock.
func (ix *Index) noteFacts(next *view, w *writer) {
	if next.facts == nil {
		ix.keepFacts()
		return
	}
	f := next.facts.note(w.facts, w.ended, w.hidden)
	if len(f.recent) >= sealLate*ix.opts.seal {
		f = f.sealed(sealedOf(f), len(f.recent))
	}
	next.facts = f
	if len(f.recent) >= ix.opts.seal || f.changes-ix.keeper.saved.Load() >= ix.saveAt() {
		ix.wakeFacts()
	}
}

func sealedOf(f *facts) *segment {
	if docs := f.latest(); len(docs) > 0 {
		return segmentOf(docs)
	}
	return nil
}

// tidyFacts does one thing that is due and says whether there was any.
func (ix *Index) tidyFacts() bool {
	f := ix.view.Load().facts
	if f == nil || ix.keeper.stop.Err() != nil {
		return false
	}
	from := f.mergeFrom()
	switch {
	case len(f.recent) >= ix.opts.seal:
		s := sealedOf(f)
		ix.swapFacts(f, func(now *facts) *facts { return now.sealed(s, len(f.recent)) })
	case from >= 0:
		s := mergeSegments(f.segments[from:])
		ix.swapFacts(f, func(now *facts) *facts { return now.merged(s, from, f.segments[from:]) })
	case ix.keeper.fresh.Load() || f.changes-ix.keeper.saved.Load() >= ix.saveAt():
		ix.saveFacts()
	default:
		return false
	}
	return true
}

// swapFacts publishes facts made from an earlier state, if only changes have been
// added to that.
func (ix *Index) swapFacts(old *facts, change func(now *facts) *facts) {
	ix.write.Lock()
	defer ix.write.Unlock()
	v := ix.view.Load()
	if v.facts.dropped != old.dropped {
		return
	}
	next := v.clone()
	next.facts = change(v.facts)
	ix.view.Store(next)
}

// mergeFrom returns the first of the last segments that should be one, or -1: each
// segment has more documents than all after it, and more live than dead ones.
func (f *facts) mergeFrom() int {
	from, after := -1, 0
	for i := len(f.segments) - 1; i >= 0; i-- {
		h := f.segments[i]
		n := h.count()
		if after > 0 && n <= after || 2*n < h.docs.Len() {
			from = i
		}
		after += n
	}
	return from
}
