package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// An index that is open for months forgets what is older than the retention in
// between: every 24th part of it, within these bounds.
const (
	trimOften  = time.Second
	trimSeldom = 10 * time.Minute
)

// trimBytes is the size of a batch from which trimming goes on in the next one.
const trimBytes = 1 << 20

// trimmer forgets in the background.
type trimmer struct {
	stop, done chan struct{}
}

func (ix *Index) startTrimming() {
	t := &ix.trimmer
	t.stop, t.done = make(chan struct{}), make(chan struct{})
	gap := min(max(ix.opts.LogRetention/24, trimOften), trimSeldom)
	go func() {
		defer close(t.done)
		tick := time.NewTicker(gap)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				if err := ix.trim(now); err != nil {
					ix.logf("index: what is older than the retention stays for now: %v", err)
				}
			case <-t.stop:
				return
			}
		}
	}()
}

func (t *trimmer) end() {
	close(t.stop)
	<-t.done
}

// trim forgets changes, past versions and vectors of ended documents that are older
// than the retention.
func (ix *Index) trim(now time.Time) error {
	ix.trimming.Lock()
	defer ix.trimming.Unlock()
	for keep := now.Add(-ix.opts.LogRetention); ; {
		more, err := ix.trimSome(keep)
		if err != nil || !more {
			return err
		}
	}
}

// trimSome makes one batch of what is to be forgotten and says whether there may be
// more. All of a write goes in one batch.
func (ix *Index) trimSome(keep time.Time) (more bool, err error) {
	s := scissors{batch: ix.db.NewBatch()}
	defer s.batch.Close()
	oldest, err1 := ix.counter(keyOldest)
	s.horizon, err = horizonOf(ix.db)
	if err := errors.Join(err1, err); err != nil {
		return false, err
	}
	first := max(oldest, 1)
	s.first = first
	err = ix.eachBetween(logKey(first), logEnd(), func(key, value []byte) error {
		c, err := decodeLog(key, value)
		if err != nil {
			return err
		}
		if c.Time.After(keep) || s.batch.Len() > trimBytes {
			more = !c.Time.After(keep)
			return errStop
		}
		s.first = c.Seq + 1
		return s.forget(ix.db, c.Seq)
	})
	if err != nil && !errors.Is(err, errStop) || s.first == first {
		return false, ignoreStop(err)
	}
	s.batch.DeleteRange(logKey(first), logKey(s.first), nil)
	s.batch.DeleteRange(turnKey(first), turnKey(s.first), nil)
	s.batch.Set([]byte(keyOldest), binary.BigEndian.AppendUint64(nil, s.first), nil)
	s.batch.Set([]byte(keyAsOf), s.horizon.encode(), nil)
	if err := s.batch.Commit(pebble.Sync); err != nil {
		return false, fmt.Errorf("index: write: %w", err)
	}
	return more, nil
}

func ignoreStop(err error) error {
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// scissors collect what is cut off.
type scissors struct {
	batch   *pebble.Batch
	first   uint64 // sequence that stays
	horizon horizon
}

// forget deletes what was kept for states before a write.
func (s *scissors) forget(r pebble.Reader, seq uint64) error {
	if seq <= s.horizon.seq { // written before there was a past
		return nil
	}
	t, err := turnOf(r, seq)
	if err != nil {
		return err
	}
	s.horizon = horizon{seq, t.next}
	for _, ord := range t.ended {
		if err := s.forgetEnded(r, ord, seq); err != nil {
			return err
		}
	}
	for _, ord := range t.changed {
		s.batch.Delete(pastKey(ord, seq), nil)
	}
	return nil
}

// forgetEnded deletes all that is left of a document that a write ended.
func (s *scissors) forgetEnded(r pebble.Reader, ord uint32, seq uint64) error {
	value, err := read(r, pastKey(ord, seq))
	if err != nil {
		return errors.Join(errDamagedPast, err)
	}
	rec, _, err := decodePast(value)
	if err != nil {
		return err
	}
	s.batch.Delete(endKey(ord), nil)
	s.batch.Delete(wasKey(rec.ID, seq), nil)
	for name, n := range rec.Spaces {
		for i := range n {
			s.batch.Delete(vecKey(name, ord, i), nil)
		}
	}
	return nil
}
