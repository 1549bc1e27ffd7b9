package index

import (
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// mostCached is how many filters' answers are kept.
const mostCached = 16

// filterCache keeps what the last filters found. A segment never changes, so what
// was found in it stays right; what changes is which segments there are.
type filterCache struct {
	mu      sync.Mutex
	answers []*answer // the latest last
}

// answer is what one filter found.
type answer struct {
	filter string

	mu      sync.Mutex
	found   map[*segment]*roaring.Bitmap // places
	passed  []bool                       // of recent documents
	dropped uint64                       // facts.dropped when passed begins
	of      *facts                       // whose ordinals these are
	all     *roaring.Bitmap
}

// answer returns the filter's, a new one if need be.
func (c *filterCache) answer(f *Filter) *answer {
	key := f.String()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.answers, func(a *answer) bool { return a.filter == key })
	a := &answer{filter: key, found: map[*segment]*roaring.Bitmap{}}
	if at >= 0 {
		a = c.answers[at]
		c.answers = slices.Delete(c.answers, at, at+1)
	} else if len(c.answers) == mostCached {
		c.answers = slices.Delete(c.answers, 0, 1)
	}
	c.answers = append(c.answers, a)
	return a
}

// matching returns the ordinals of the documents that pass, hidden and deleted ones
// not among them. The caller must not change the bitmap.
func (f *facts) matching(filter *Filter) *roaring.Bitmap {
	a := f.cache.answer(filter)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of != f {
		a.of, a.all = f, a.collect(f, filter)
	}
	return a.all
}

func (a *answer) collect(f *facts, filter *Filter) *roaring.Bitmap {
	out := roaring.New()
	for i, h := range f.segments {
		found := a.in(h.segment, filter)
		if h.dead != nil {
			found = roaring.AndNot(found, h.dead)
		}
		if found = h.ordinals(found); i == 0 && h.dead != nil {
			out = found
		} else {
			out.Or(found)
		}
	}
	for s := range a.found {
		if !slices.ContainsFunc(f.segments, func(h held) bool { return h.segment == s }) {
			delete(a.found, s)
		}
	}
	a.judge(f, filter)
	f.eachRecent(func(i int, d fact) {
		if a.passed[i] {
			out.Add(d.ord)
		}
	})
	out.AndNot(f.hidden)
	return out
}

// in returns the places found in a segment.
func (a *answer) in(s *segment, filter *Filter) *roaring.Bitmap {
	found := a.found[s]
	if found == nil {
		var root *condition
		if filter != nil {
			root = filter.root
		}
		found = s.find(root, nil)
		a.found[s] = found
	}
	return found
}

// judge tries the recent documents that were not yet tried.
func (a *answer) judge(f *facts, filter *Filter) {
	if a.dropped != f.dropped {
		a.dropped, a.passed = f.dropped, nil
	}
	for i := len(a.passed); i < len(f.recent); i++ {
		d := f.recent[i]
		a.passed = append(a.passed, !d.gone && (filter == nil || d.holds(filter.root)))
	}
}
