package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A Commit is one write in the change log.
type Commit struct {
	Seq   uint64
	Time  time.Time
	Items []Touched
}

// Touched is one document that a write changed.
type Touched struct {
	Action  Action
	ID      string
	Ordinal uint32
}

// logEntry is a commit as it is stored under log/<sequence>.
type logEntry struct {
	Time  int64     `json:"t"` // Unix milliseconds
	Items []logItem `json:"i"`
}

type logItem struct {
	Action  Action `json:"a"`
	ID      []byte `json:"i"` // need not be UTF-8
	Ordinal uint32 `json:"o"`
}

func encodeLog(now time.Time, items []logItem) ([]byte, error) {
	return json.Marshal(logEntry{now.UnixMilli(), items})
}

func decodeLog(key, value []byte) (Commit, error) {
	var e logEntry
	if len(key) != len(prefixLog)+8 {
		return Commit{}, errors.New("index: the change log is damaged")
	}
	if err := json.Unmarshal(value, &e); err != nil {
		return Commit{}, fmt.Errorf("index: the change log is damaged: %w", err)
	}
	c := Commit{Seq: binary.BigEndian.Uint64(key[len(prefixLog):]), Time: time.UnixMilli(e.Time)}
	for _, item := range e.Items {
		c.Items = append(c.Items, Touched{item.Action, string(item.ID), item.Ordinal})
	}
	return c, nil
}

// Changes yields the writes after the given sequence, oldest first. When some of
// them are no longer kept, the only thing it yields is an ErrTrimmed that names
// the oldest sequence to start from.
func (ix *Index) Changes(after uint64) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		leave, err := ix.enter()
		if err != nil {
			yield(Commit{}, err)
			return
		}
		defer leave()
		// One snapshot, so that nothing is forgotten while it is read.
		snap := ix.db.NewSnapshot()
		defer snap.Close()
		oldest, err := counterOf(snap, keyOldest)
		if err != nil {
			yield(Commit{}, err)
			return
		}
		if after+1 < oldest {
			yield(Commit{}, fmt.Errorf("%w: the oldest sequence to start after is %d", ErrTrimmed, oldest-1))
			return
		}
		yieldLog(snap, after, yield)
	}
}

func yieldLog(r pebble.Reader, after uint64, yield func(Commit, error) bool) {
	stopped := false
	err := eachIn(r, logKey(after+1), logEnd(), func(key, value []byte) error {
		c, err := decodeLog(key, value)
		if err != nil {
			return err
		}
		if stopped = !yield(c, nil); stopped {
			return errStop
		}
		return nil
	})
	if err != nil && !stopped {
		yield(Commit{}, err)
	}
}

func logEnd() []byte { return after([]byte(prefixLog)) }
