package index

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/vector"
)

// allowed are the rows of the documents that pass filter and Keep.
func (l *look) allowed() vector.Bitmap {
	keep := l.query.Keep
	if l.passed == nil {
		return l.rowsOf(func(ord uint32) bool { return keep(ord) })
	}
	if keep == nil {
		return l.shelf.allow.rows(l.shelf, l.passed)
	}
	out := vector.NewBitmap(l.shelf.n)
	for it := l.passed.Iterator(); it.HasNext(); {
		if ord := it.Next(); keep(ord) {
			l.shelf.each(ord, out.Add)
		}
	}
	return out
}

// visibleRows are the rows that an answer may have.
func (l *look) visibleRows() vector.Bitmap {
	keep, passed := l.query.Keep, l.passed
	return l.rowsOf(func(ord uint32) bool {
		return l.v.visible(ord) && (passed == nil || passed.Contains(ord)) && (keep == nil || keep(ord))
	})
}

// rowsOf asks once for each document.
func (l *look) rowsOf(wanted func(ord uint32) bool) vector.Bitmap {
	out := vector.NewBitmap(l.shelf.n)
	last, take := uint32(0), false
	for row := range uint32(l.shelf.n) {
		if ord := l.shelf.ordinal.at(row); row == 0 || ord != last {
			last, take = ord, wanted(ord)
		}
		if take {
			out.Add(row)
		}
	}
	return out
}

// allowCache keeps the rows of the last filters: as long as nothing is written, a
// filter's set of documents is the same object.
type allowCache struct {
	mu   sync.Mutex
	last [4]struct {
		ords *roaring.Bitmap
		n    int
		rows vector.Bitmap
	}
	next int
}

// rows returns the rows of documents, which must not be changed.
func (c *allowCache) rows(s *shelf, ords *roaring.Bitmap) vector.Bitmap {
	c.mu.Lock()
	for _, e := range c.last {
		if e.ords == ords && e.n == s.n {
			c.mu.Unlock()
			return e.rows
		}
	}
	c.mu.Unlock()
	out := vector.NewBitmap(s.n)
	some := make([]uint32, 1024)
	for it := ords.ManyIterator(); ; {
		n := it.NextMany(some)
		if n == 0 {
			break
		}
		for _, ord := range some[:n] {
			s.each(ord, out.Add)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.last[c.next%len(c.last)]
	e.ords, e.n, e.rows = ords, s.n, out
	c.next++
	return out
}
