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
			return err
		}
	}
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
		gone := roaring.New()
		for _, s := range old.segments {
			at := slices.IndexFunc(list, func(l *segment) bool { return l.File == s.File })
			if at < 0 {
				next.segments = append(next.segments, s)
				continue
			}
			// What went since the merge began goes from its result.
			for it := roaring.AndNot(s.gone, list[at].gone).Iterator(); it.HasNext(); {
				gone.Add(uint32(numbers[at][it.Next()]))
			}
		}
		next.segments = append(next.segments, merged.without(gone))
		return next, nil
	}, merged)
}
