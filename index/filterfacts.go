package index

import (
	"maps"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// facts are the metadata of all documents as columns, derived from the truth by
// the first filter and immutable. What is written later is in view.recent until
// it is so much that columns are made anew.
type facts struct {
	ords   []uint32 // of the documents, ascending
	fields map[string]*field
}

// Later documents are tried one by one as long as they are at most mostRecent
// or, if that is more, one of recentShare of all.
const (
	mostRecent  = 2048
	recentShare = 16
)

// loadFacts returns a view that has columns, if whole is true columns of all
// documents. The caller has entered.
func (ix *Index) loadFacts(v *view, whole bool) (*view, error) {
	fresh := func(v *view) bool { return v.facts != nil && !(whole && len(v.recent) > 0) }
	if fresh(v) {
		return v, nil
	}
	ix.write.Lock()
	defer ix.write.Unlock()
	now := ix.view.Load()
	if fresh(now) {
		return now, nil
	}
	next := now.clone()
	var err error
	if next.facts, err = ix.collectFacts(now); err != nil {
		return nil, err
	}
	next.recent = nil
	ix.view.Store(next)
	return next, nil
}

// collectFacts reads all documents.
func (ix *Index) collectFacts(v *view) (*facts, error) {
	f := &facts{fields: map[string]*field{}}
	pairs := map[string][]pair{}
	err := ix.each([]byte(prefixDoc), func(key, value []byte) error {
		rec, err := decodeRecord(value)
		if err != nil {
			return err
		}
		d := ix.factOf(ordinalAt(key, len(prefixDoc)), rec.ID, rec.Metadata)
		at := uint32(len(f.ords))
		f.ords = append(f.ords, d.ord)
		for _, name := range d.fields() {
			for _, v := range d.values(name) {
				pairs[name] = append(pairs[name], pair{v, at})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.sort(pairs)
	return f, nil
}

// sort makes a column of each field, as many at once as there are cores.
func (f *facts) sort(pairs map[string][]pair) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	for name, p := range pairs {
		g.Go(func() error {
			column := newField(p, len(f.ords))
			mu.Lock()
			defer mu.Unlock()
			f.fields[name] = column
			return nil
		})
	}
	g.Wait()
}

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
	return fact{ord, id, own}
}

// pass says whether found documents, as they were read, still pass.
func (ix *Index) pass(f *Filter, hits []Hit) bool {
	return f == nil || !slices.ContainsFunc(hits, func(h Hit) bool {
		return !ix.factOf(h.Ordinal, h.ID, h.Metadata).holds(f.root)
	})
}

// note adds what a write stored. When it is too much, the next filter has to
// read all documents again.
func (v *view) note(written []fact) {
	if v.facts == nil {
		return
	}
	v.recent = append(v.recent, written...)
	if len(v.recent) > max(mostRecent, len(v.facts.ords)/recentShare) {
		v.facts, v.recent = nil, nil
	}
}

// matching returns the ordinals of the visible documents that pass, ascending.
func (v *view) matching(f *Filter) []uint32 {
	latest := map[uint32]int{}
	for i, d := range v.recent {
		latest[d.ord] = i
	}
	var out []uint32
	if f == nil {
		out = slices.Clone(v.facts.ords)
	} else {
		out = v.facts.plan(f.root).find()
		for i, at := range out {
			out[i] = v.facts.ords[at]
		}
	}
	out = slices.DeleteFunc(out, func(ord uint32) bool {
		_, later := latest[ord]
		return later || !v.visible(ord)
	})
	for ord, i := range latest {
		if d := v.recent[i]; v.visible(ord) && f.Match(d.id, d.metadata) {
			out = append(out, ord)
		}
	}
	if len(latest) > 0 {
		slices.Sort(out)
	}
	return out
}
