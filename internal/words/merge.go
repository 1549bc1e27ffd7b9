package words

import (
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

const (
	mergeAt   = 8       // segments of about a size become one
	smallest  = 1 << 10 // documents; all below are of a size
	mostMerge = 1 << 26 // documents: what is larger stays as it is
)

// Merge joins files where there are many of a size, and rewrites those that are mostly
// gone, until there is nothing to do or stop says so. Folds may run meanwhile.
func (x *Index) Merge(stop func() bool) error {
	x.merging.Lock()
	defer x.merging.Unlock()
	for !stop() {
		st := x.hold()
		list := pick(st.segments)
		if len(list) == 0 {
			x.release(st)
			return nil
		}
		err := guard(func() error { return x.merge(list) })
		x.release(st)
		if err != nil {
			return err
		}
	}
	return nil
}

// pick chooses segments to merge: the lowest tier that is full, or one that is half gone.
func pick(list []*segment) []*segment {
	tiers := map[int][]*segment{}
	for _, s := range list {
		if s.live() > mostMerge {
			continue
		}
		if s.live() < s.Docs/2 {
			return []*segment{s}
		}
		tier := int(math.Log(math.Max(1, float64(s.live())/smallest)) / math.Log(mergeAt))
		tiers[tier] = append(tiers[tier], s)
	}
	best := -1
	for tier, l := range tiers {
		if len(l) >= mergeAt && (best < 0 || tier < best) {
			best = tier
		}
	}
	if best < 0 {
		return nil
	}
	l := slices.Clone(tiers[best])
	slices.SortFunc(l, func(a, b *segment) int { return int(int64(a.ords[0]) - int64(b.ords[0])) })
	return l
}

func (x *Index) merge(list []*segment) error {
	// What is damaged must not get a sum of its own.
	for _, s := range list {
		if err := s.verify(x.opts.Dir); err != nil {
			if !x.has(s) {
				return nil // a fold has just let it go
			}
			return err
		}
	}
	return x.join(list)
}

// join replaces segments by one. Folds may run meanwhile.
func (x *Index) join(list []*segment) error {
	var numbers [][]uint64
	merged, err := x.write(func(path string) (err error) {
		numbers, err = mergeSegments(path, list)
		return err
	})
	if err != nil {
		return err
	}
	return x.replace(func(old *state) (*state, error) {
		next := &state{seq: old.seq}
		for _, s := range old.segments {
			if indexOf(list, s) < 0 {
				next.segments = append(next.segments, s)
			}
		}
		gone := roaring.New()
		for i, l := range list {
			goneSince(gone, l, old.segments, numbers[i])
		}
		if joined := merged.without(gone); joined.live() > 0 {
			next.segments = append(next.segments, joined)
		}
		return next, nil
	}, merged)
}

// goneSince adds to gone, in the numbers of a merge's result, what went from a segment of
// it since the merge began: all, if a fold has let it go.
func goneSince(gone *roaring.Bitmap, l *segment, now []*segment, numbers []uint64) {
	since := roaring.New()
	if at := indexOf(now, l); at >= 0 {
		since.Or(now[at].gone)
	} else {
		since.AddRange(0, uint64(len(l.ords)))
	}
	for it := roaring.AndNot(since, l.gone).Iterator(); it.HasNext(); {
		gone.Add(uint32(numbers[it.Next()]))
	}
}

// indexOf finds the segment of the same file.
func indexOf(list []*segment, s *segment) int {
	return slices.IndexFunc(list, func(l *segment) bool { return l.File == s.File })
}
