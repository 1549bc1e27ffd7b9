package index

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
)

// Duplicates are documents that are nearly the same.
type Duplicates struct {
	IDs      []string // in the order of their ordinals
	Ordinals []uint32
	Least    float32 // the lowest cosine that joined two of them
}

const (
	exactDuplicates = 20_000 // documents up to which every pair is compared
	nearAtFirst     = 16     // of a document, to begin with
)

// Duplicates yields the groups of documents in a space that are near to each other: two
// whose cosine is threshold or higher are in one group, and so is what is near to either
// (single link). Of a document with several vectors the first counts. Groups come in the
// order of their first ordinals; documents that are alone are in none.
//
// Up to 20,000 documents every pair is compared. Of more, each document is compared
// with those that a search finds near to it, so that a pair may be missed as a search
// may miss a document. It ends at the first error.
func (ix *Index) Duplicates(ctx context.Context, space string, threshold float32) iter.Seq2[Duplicates, error] {
	return func(yield func(Duplicates, error) bool) {
		leave, err := ix.enter()
		if err != nil {
			yield(Duplicates{}, err)
			return
		}
		defer leave()
		groups, err := ix.duplicates(ctx, space, threshold)
		if err != nil {
			yield(Duplicates{}, err)
			return
		}
		for _, g := range groups {
			if !yield(g, nil) {
				return
			}
		}
	}
}

func (ix *Index) duplicates(ctx context.Context, space string, threshold float32) ([]Duplicates, error) {
	v, err := ix.load()
	if err != nil {
		return nil, err
	}
	s, ok := v.space(space)
	if !ok {
		return nil, fmt.Errorf("index: no space %q", space)
	}
	if !(threshold > 0 && threshold <= 1) {
		return nil, fmt.Errorf("index: near duplicates from a cosine of %v on; use more than 0, at most 1", threshold)
	}
	if s.Metric != Cosine {
		return nil, fmt.Errorf("index: the space %q compares by %q; near duplicates need %q", space, s.Metric, Cosine)
	}
	snap := ix.db.NewSnapshot()
	defer snap.Close()
	m, err := momentOf(snap, v.seq)
	if err != nil {
		return nil, err
	}
	d := duplicator{ix: ix, v: v, m: m, s: s, threshold: threshold, parent: map[uint32]uint32{}, least: map[uint32]float32{}}
	if err := d.read(); err != nil {
		return nil, err
	}
	if len(d.ords) <= exactDuplicates {
		err = d.pairs(ctx)
	} else {
		err = d.walk(ctx)
	}
	if err != nil {
		return nil, err
	}
	return d.groups()
}

// duplicator joins documents into groups.
type duplicator struct {
	ix        *Index
	v         *view
	m         *moment
	s         Space
	threshold float32

	ords    []uint32
	vectors [][]float32        // nil where there are too many to keep
	parent  map[uint32]uint32  // towards the first of the group
	least   map[uint32]float32 // by the first of the group
}

// read finds the documents that have a vector, and the vectors of few.
func (d *duplicator) read() error {
	err := eachOrdinal(d.m.store, spacePrefix(d.s.Name), func(ord uint32) {
		if n := len(d.ords); (n == 0 || d.ords[n-1] != ord) && d.v.visible(ord) && d.m.same(ord) {
			d.ords = append(d.ords, ord)
		}
	})
	if err != nil || len(d.ords) > exactDuplicates {
		return err
	}
	d.vectors = make([][]float32, len(d.ords))
	for i, ord := range d.ords {
		if d.vectors[i], err = d.vector(ord); err != nil {
			return err
		}
	}
	return nil
}

func (d *duplicator) vector(ord uint32) ([]float32, error) {
	value, err := read(d.m.store, vecKey(d.s.Name, ord, 0))
	if err != nil {
		return nil, err
	}
	v := make([]float32, d.s.Dim)
	if !decodeVector(v, value) {
		return nil, errDamagedVector
	}
	return v, nil
}

// pairs compares every two documents, a row at once on each core.
func (d *duplicator) pairs(ctx context.Context) error {
	links := make([][]link, len(d.ords))
	err := onAllCores(len(d.ords), func(k int) error {
		// Rows from both ends in turn, so that each core has as much to do.
		i := k / 2
		if k%2 == 1 {
			i = len(d.ords) - 1 - k/2
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for j := i + 1; j < len(d.ords); j++ {
			if c := dot(d.vectors[i], d.vectors[j]); c >= d.threshold {
				links[i] = append(links[i], link{d.ords[i], d.ords[j], c})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.join(slices.Concat(links...))
	return nil
}

// walk searches for what is near to each document.
func (d *duplicator) walk(ctx context.Context) error {
	links := make([][]link, len(d.ords))
	err := onAllCores(len(d.ords), func(i int) error {
		v, err := d.vector(d.ords[i])
		if err != nil {
			return err
		}
		for limit := nearAtFirst; ; limit *= 4 {
			found, _, err := d.ix.nearest(ctx, d.v, Query{Space: d.s.Name, Vector: v, Limit: limit})
			if err != nil {
				return err
			}
			if len(found) == limit && found[limit-1].score >= d.threshold {
				continue
			}
			for _, f := range found {
				if f.score >= d.threshold && f.ord != d.ords[i] && d.m.same(f.ord) {
					links[i] = append(links[i], link{d.ords[i], f.ord, f.score})
				}
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	d.join(slices.Concat(links...))
	return nil
}

// link says that two documents are near.
type link struct {
	a, b   uint32
	cosine float32
}

// join makes groups of links, the nearest first: so the last link that joins two groups
// is the lowest of the whole.
func (d *duplicator) join(links []link) {
	slices.SortFunc(links, func(x, y link) int {
		return cmp.Or(cmp.Compare(y.cosine, x.cosine), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	for _, l := range links {
		a, b := d.first(l.a), d.first(l.b)
		if a == b {
			continue
		}
		a, b = min(a, b), max(a, b)
		d.parent[b] = a
		d.least[a] = l.cosine
	}
}

// first is the first document of the group that ord is in.
func (d *duplicator) first(ord uint32) uint32 {
	for {
		up, ok := d.parent[ord]
		if !ok {
			return ord
		}
		if over, ok := d.parent[up]; ok {
			d.parent[ord] = over
		}
		ord = up
	}
}

func (d *duplicator) groups() ([]Duplicates, error) {
	members := map[uint32][]uint32{}
	for _, ord := range d.ords {
		first := d.first(ord)
		members[first] = append(members[first], ord)
	}
	var out []Duplicates
	for _, ord := range d.ords {
		list := members[ord]
		if len(list) < 2 {
			continue
		}
		g := Duplicates{Ordinals: list, Least: d.least[ord]}
		for _, o := range list {
			rec, _, err := d.m.record(o)
			if err != nil {
				return nil, err
			}
			g.IDs = append(g.IDs, rec.ID)
		}
		out = append(out, g)
	}
	return out, nil
}
