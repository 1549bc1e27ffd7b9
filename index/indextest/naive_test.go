package indextest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/index"
)

// naive is a store that knows nothing of package index but its types: a list of
// documents in memory. fault is what it does wrong.
type naive struct {
	disk  *naiveDisk
	state naiveState
	fault string
}

// naiveState is what is kept.
type naiveState struct {
	spaces []index.Space
	docs   []index.Document // by ordinal
	next   uint32
	seq    uint64
}

type naiveDisk struct {
	states []naiveState // after each write
	backup []naiveState
	fault  string
}

func (d *naiveDisk) Open() (Store, error) {
	n := &naive{disk: d, fault: d.fault}
	if len(d.states) > 0 {
		n.state = d.states[len(d.states)-1]
	}
	if d.fault == "hidden is forgotten" {
		n.state.docs = slices.Clone(n.state.docs)
		for i := range n.state.docs {
			n.state.docs[i].Hidden = false
		}
	}
	return n, nil
}

func (d *naiveDisk) Crash(r *rand.Rand, work func()) bool {
	before := len(d.states)
	work()
	if r.IntN(2) == 0 {
		d.states = d.states[:before]
		return false
	}
	if d.fault == "acknowledged is lost" {
		d.states = d.states[:before]
	}
	return true
}

func (d *naiveDisk) Backup(Store) error {
	d.backup = slices.Clone(d.states)
	for i, s := range d.backup {
		d.backup[i].docs = slices.Clone(s.docs)
	}
	return nil
}

func (d *naiveDisk) Restore() error {
	if d.fault != "a restore does nothing" {
		d.states = slices.Clone(d.backup)
	}
	return nil
}

func (n *naive) save() { n.disk.states = append(n.disk.states, n.state) }

func (n *naive) Define(s index.Space) error {
	if s.Metric == "" {
		s.Metric = index.Cosine
	}
	for _, have := range n.state.spaces {
		if have == s {
			return nil
		}
		if have.Name == s.Name {
			return &index.SpaceError{Have: have, Want: s}
		}
	}
	n.state.spaces = append(slices.Clip(n.state.spaces), s)
	n.save()
	return nil
}

func (n *naive) Apply(_ context.Context, changes []index.Change) (index.Receipt, error) {
	n.state.docs = slices.Clone(n.state.docs)
	r := index.Receipt{}
	wrote := false
	for _, c := range changes {
		status, err := n.change(c)
		r.Results = append(r.Results, index.Result{ID: c.Document.ID, Status: status, Err: err})
		wrote = wrote || err == nil && status != index.Unchanged
	}
	if wrote {
		n.state.seq++
		n.save()
	}
	r.Seq = n.state.seq
	return r, nil
}

func (n *naive) change(c index.Change) (index.Status, error) {
	d := c.Document
	if d.ID == "" {
		return index.Failed, fmt.Errorf("no id")
	}
	at := slices.IndexFunc(n.state.docs, func(o index.Document) bool { return o.ID == d.ID })
	switch c.Action {
	case index.Delete:
		return n.delete(at), nil
	case index.Update:
		if at < 0 {
			return index.Failed, index.ErrNotFound
		}
		d.Vectors = n.state.docs[at].Vectors
		return n.replace(at, d), nil
	}
	vectors, err := n.unit(d.Vectors)
	for name, v := range d.Metadata {
		if reflect.ValueOf(v).Kind() == reflect.Struct {
			err = fmt.Errorf("metadata %q", name)
		}
	}
	if err != nil {
		return index.Failed, err
	}
	d.Vectors = vectors
	if at >= 0 && reflect.DeepEqual(n.state.docs[at].Vectors, vectors) {
		return n.replace(at, d), nil
	}
	status := index.Created
	if n.delete(at) == index.Deleted {
		status = index.Updated
	}
	d.Ordinal = n.state.next
	if n.fault != "ordinals are used again" {
		n.state.next++
	} else {
		n.state.next = uint32(len(n.state.docs) + 1)
	}
	n.state.docs = append(n.state.docs, d)
	return status, nil
}

func (n *naive) delete(at int) index.Status {
	if at < 0 {
		return index.Unchanged
	}
	if n.fault != "deleted stays" || at%16 != 0 {
		n.state.docs = slices.Delete(n.state.docs, at, at+1)
	}
	return index.Deleted
}

func (n *naive) replace(at int, d index.Document) index.Status {
	old := n.state.docs[at]
	d.Ordinal = old.Ordinal
	if old.Hidden == d.Hidden && maps.EqualFunc(old.Metadata, d.Metadata, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
		return index.Unchanged
	}
	n.state.docs[at] = d
	return index.Updated
}

func (n *naive) unit(vectors map[string][][]float32) (map[string][][]float32, error) {
	out := map[string][][]float32{}
	for name, list := range vectors {
		s, err := n.space(name)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			u, err := naiveUnit(s, v)
			if err != nil {
				return nil, err
			}
			out[name] = append(out[name], u)
		}
	}
	return out, nil
}

func naiveUnit(s index.Space, v []float32) ([]float32, error) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if len(v) != s.Dim || math.IsNaN(sum) || math.IsInf(sum, 0) || s.Metric == index.Cosine && sum == 0 {
		return nil, fmt.Errorf("%s: no such vector", s.Name)
	}
	if s.Metric == index.Dot {
		return v, nil
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out, nil
}

func (n *naive) space(name string) (index.Space, error) {
	for _, s := range n.state.spaces {
		if s.Name == name {
			return s, nil
		}
	}
	return index.Space{}, fmt.Errorf("no space %q", name)
}

func (n *naive) Get(id string) (index.Document, error) {
	for _, d := range n.state.docs {
		if d.ID == id {
			return d, nil
		}
	}
	return index.Document{}, index.ErrNotFound
}

func (n *naive) Documents() iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for _, d := range n.state.docs {
			d.Vectors = nil
			if !yield(d, nil) {
				return
			}
		}
	}
}

func (n *naive) Search(_ context.Context, q index.Query) (index.Found, error) {
	seq, from := q.AsOf, 0
	if q.Cursor != "" && n.fault != "pages move" {
		fmt.Sscanf(q.Cursor, "%d/%d", &seq, &from)
	} else if q.Cursor != "" {
		fmt.Sscanf(q.Cursor, "%d/%d", new(uint64), &from)
	}
	if seq == 0 {
		seq = n.state.seq
	}
	then := n.then(seq)
	if then == nil {
		return index.Found{}, index.ErrTrimmed
	}
	hits, err := then.rank(q)
	if err != nil {
		return index.Found{}, err
	}
	end := min(len(hits), from+q.Limit)
	found := index.Found{Hits: hits[from:end], Seq: seq, Plan: index.PlanExact, Expected: 1}
	if end < len(hits) {
		found.Next = fmt.Sprintf("%d/%d", seq, end)
	}
	return found, nil
}

// then is the store as it was after a write, or nil.
func (n *naive) then(seq uint64) *naive {
	if seq == n.state.seq {
		return n
	}
	for _, s := range slices.Backward(n.disk.states) {
		if s.seq == seq {
			s.spaces = n.state.spaces
			return &naive{state: s, fault: n.fault}
		}
	}
	return nil
}

// rank returns all that a search may find, best first.
func (n *naive) rank(q index.Query) ([]index.Hit, error) {
	s, err := n.space(q.Space)
	if err != nil {
		return nil, err
	}
	v, err := naiveUnit(s, q.Vector)
	if err != nil {
		return nil, err
	}
	var hits []index.Hit
	for _, d := range n.state.docs {
		if d.Hidden || !n.passes(q.Filter, d) || len(d.Vectors[q.Space]) == 0 {
			continue
		}
		best := float32(math.Inf(-1))
		for _, row := range d.Vectors[q.Space] {
			var sum float32
			for i := range row {
				sum += row[i] * v[i]
			}
			best = max(best, sum)
			if n.fault == "only the first vector counts" {
				break
			}
		}
		hits = append(hits, index.Hit{ID: d.ID, Ordinal: d.Ordinal, Score: best, Metadata: d.Metadata})
	}
	slices.SortFunc(hits, n.order)
	return hits, nil
}

func (n *naive) passes(f *index.Filter, d index.Document) bool {
	return f == nil || f.Match(d.ID, d.Metadata)
}

func (n *naive) order(a, b index.Hit) int {
	ties := cmp.Compare(a.Ordinal, b.Ordinal)
	switch n.fault {
	case "ties by id":
		ties = cmp.Compare(a.ID, b.ID)
	case "scores of 8 bits":
		return cmp.Or(cmp.Compare(math.Round(float64(b.Score)/1000), math.Round(float64(a.Score)/1000)), ties)
	}
	return cmp.Or(cmp.Compare(b.Score, a.Score), ties)
}

func (n *naive) GetAsOf(id string, seq uint64) (index.Document, error) {
	if n.fault == "the past is the present" {
		return n.Get(id)
	}
	then := n.then(seq)
	if then == nil {
		return index.Document{}, index.ErrTrimmed
	}
	return then.Get(id)
}

func (n *naive) Drop(space string) error {
	without := func(docs []index.Document) []index.Document {
		docs = slices.Clone(docs)
		for i, d := range docs {
			docs[i].Vectors = maps.Clone(d.Vectors)
			delete(docs[i].Vectors, space)
		}
		return docs
	}
	n.state.spaces = slices.DeleteFunc(slices.Clone(n.state.spaces), func(s index.Space) bool { return s.Name == space })
	if n.fault != "a dropped space comes back" {
		n.state.docs = without(n.state.docs)
		for i := range n.disk.states {
			n.disk.states[i].docs = without(n.disk.states[i].docs)
		}
	}
	n.save()
	return nil
}

func (n *naive) Close() error { return nil }

// Another store than package index's passes the kit.
func TestNaive(t *testing.T) {
	disks := map[string]*naiveDisk{}
	Run(t, func(t *testing.T, dir string) Store {
		if disks[dir] == nil {
			disks[dir] = &naiveDisk{}
		}
		s, err := disks[dir].Open()
		must(t, err)
		return s
	})
	History{Seed: 1, Steps: 4000}.Run(t, func() Place { return &naiveDisk{} })
}

// Every fault is found, in a history that is short afterwards.
func TestFaults(t *testing.T) {
	for _, fault := range []string{"deleted stays", "ordinals are used again", "hidden is forgotten", "acknowledged is lost",
		"only the first vector counts", "ties by id", "scores of 8 bits", "the past is the present",
		"pages move", "a dropped space comes back", "a restore does nothing"} {
		h := History{Seed: 1, Steps: 4000}
		place := func() Place { return &naiveDisk{fault: fault} }
		short, err := h.find(place)
		switch {
		case err == nil:
			t.Errorf("%s: not found", fault)
		case len(short) > 20:
			t.Errorf("%s: found in a history of %d steps: %v", fault, len(short), err)
		default:
			t.Logf("%s: %d steps, %v", fault, len(short), err)
		}
	}
}
