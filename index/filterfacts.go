package index

import (
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// facts are the metadata of all documents at one sequence: segments of columns,
// and what was written since. They are immutable; a write makes new ones that share
// nearly everything.
type facts struct {
	segments []held
	recent   []fact          // oldest first; of an ordinal the last one counts
	dropped  uint64          // how many recent ones went into segments
	changes  uint64          // how many there were since the index was opened
	hidden   *roaring.Bitmap // ordinals
	cache    *filterCache    // of all facts of an index
}

// Recent documents are tried one by one; sealAt of them are made a segment in the
// background, and at sealLate times as many the writer does that itself.
const (
	sealAt   = 1024
	sealLate = 16
)

func newFacts() *facts { return &facts{hidden: roaring.New(), cache: &filterCache{}} }

// fields are the names that the document may have values under.
func (d fact) fields() []string {
	names := slices.Clone(ownFields)
	for name := range d.metadata {
		if !slices.Contains(ownFields, name) {
			names = append(names, name)
		}
	}
	return names
}

// factOf copies a document's metadata without what is private.
func (ix *Index) factOf(ord uint32, id string, metadata map[string]any) fact {
	own := maps.Clone(metadata)
	for _, name := range ix.opts.Private {
		delete(own, name)
	}
	for name, v := range own {
		if list, ok := v.([]string); ok {
			own[name] = slices.Clone(list)
		}
	}
	return fact{ord: ord, id: id, metadata: own}
}

// note adds what a write changed. The caller holds the write lock.
func (f *facts) note(written []fact, ended []uint32, hidden map[uint32]bool) *facts {
	next := *f
	next.changes += uint64(len(written) + len(ended))
	b := burial{segments: slices.Clone(f.segments)}
	for _, d := range written {
		b.bury(d.ord)
		next.recent = append(next.recent, d)
	}
	for _, ord := range ended {
		if !b.bury(ord) { // it is, or was, a recent one
			next.recent = append(next.recent, fact{ord: ord, gone: true})
		}
	}
	next.segments = b.segments
	next.hide(hidden)
	return &next
}

func (f *facts) hide(hidden map[uint32]bool) {
	own := false
	for ord, is := range hidden {
		if f.hidden.Contains(ord) == is {
			continue
		}
		if !own {
			f.hidden, own = f.hidden.Clone(), true
		}
		if is {
			f.hidden.Add(ord)
		} else {
			f.hidden.Remove(ord)
		}
	}
}

// burial takes documents out of segments that others have too.
type burial struct {
	segments []held
	own      map[int]bool // which have dead places of their own by now
}

// bury says whether the document counted in a segment until now.
func (b *burial) bury(ord uint32) bool {
	for i := range b.segments {
		h := &b.segments[i]
		at, ok := h.place(ord)
		if !ok || h.dead != nil && h.dead.Contains(at) {
			continue
		}
		b.ownDead(i).Add(at)
		return true
	}
	return false
}

func (b *burial) ownDead(i int) *roaring.Bitmap {
	h := &b.segments[i]
	if !b.own[i] {
		dead := roaring.New()
		if h.dead != nil {
			dead.Or(h.dead)
		}
		h.dead = dead
		if b.own == nil {
			b.own = map[int]bool{}
		}
		b.own[i] = true
	}
	return h.dead
}

// eachRecent calls f for the last of the recent ones of each ordinal, those that
// are gone too.
func (f *facts) eachRecent(each func(i int, d fact)) {
	seen := make(map[uint32]bool, len(f.recent))
	for i := len(f.recent) - 1; i >= 0; i-- {
		if d := f.recent[i]; !seen[d.ord] {
			seen[d.ord] = true
			each(i, d)
		}
	}
}

// latest returns the recent documents that are there, by ordinal.
func (f *facts) latest() []fact {
	var out []fact
	f.eachRecent(func(_ int, d fact) {
		if !d.gone {
			out = append(out, d)
		}
	})
	slices.SortFunc(out, func(a, b fact) int { return int(int64(a.ord) - int64(b.ord)) })
	return out
}

// sealed returns facts whose first n recent documents are a segment, made from an
// earlier state of them; nil if they are all gone.
func (f *facts) sealed(s *segment, n int) *facts {
	next := *f
	next.recent, next.dropped = slices.Clone(f.recent[n:]), f.dropped+uint64(n)
	if s != nil {
		b := burial{segments: append(slices.Clone(f.segments), held{segment: s})}
		for _, d := range next.recent {
			b.bury(d.ord)
		}
		next.segments = b.segments
	}
	return &next
}

// merged returns facts whose segments from from on are one, made from an earlier
// state of them.
func (f *facts) merged(s *segment, from int, old []held) *facts {
	next := *f
	b := burial{segments: append(slices.Clone(f.segments[:from]), held{segment: s})}
	for i, h := range f.segments[from:] {
		if h.dead == nil {
			continue
		}
		since := h.dead
		if old[i].dead != nil {
			since = roaring.AndNot(h.dead, old[i].dead)
		}
		since.Iterate(func(place uint32) bool {
			at, _ := s.place(h.ordinal(place))
			b.ownDead(from).Add(at)
			return true
		})
	}
	next.segments = b.segments
	return &next
}
