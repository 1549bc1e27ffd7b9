package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/emblem-search/emblem/index"
)

// kind is what a step of a history does.
type kind string

const (
	doWrite   kind = "write"
	doSearch  kind = "search"
	doGet     kind = "get"
	doCompare kind = "compare" // everything
	doReopen  kind = "reopen"
	doCrash   kind = "crash"  // in the middle of a write
	doClash   kind = "clash"  // of two definitions of a space
	doRecall  kind = "recall" // what was after an earlier write
	doPage    kind = "page"   // the next page of a search, or its first
	doDrop    kind = "drop"   // a space
	doDefine  kind = "define" // what was dropped
	doBackup  kind = "backup"
	doRestore kind = "restore" // the last backup
)

// perMille is how often each kind comes.
var perMille = []struct {
	kind  kind
	share int
}{
	{doReopen, 3}, {doCrash, 3}, {doClash, 3}, {doDrop, 1}, {doDefine, 17}, {doBackup, 2}, {doRestore, 1}, {doCompare, 10}, {doRecall, 20}, {doPage, 40}, {doGet, 40}, {doSearch, 340}, {doWrite, 520},
}

// step is one of a history. It depends on the history's seed and its own number
// alone, so that any subset of a history's steps is a history too.
type step struct {
	kind    kind
	changes []index.Change
	space   index.Space
	vector  []float32
	limit   int
	filter  *condition // nil is none
	exact   bool
	random  *rand.Rand // for what depends on the state
}

func stepAt(seed uint64, number int) step {
	r := rand.New(rand.NewPCG(seed, uint64(number)))
	s := step{kind: randomKind(r), random: r}
	s.space = spaces[r.IntN(len(spaces))]
	switch s.kind {
	case doWrite, doCrash:
		for range 1 + r.IntN(1+r.IntN(8)) {
			s.changes = append(s.changes, randomChange(r))
		}
	case doGet:
		s.changes = []index.Change{{Document: index.Document{ID: randomID(r)}}}
	default:
		s.vector = randomVector(r, s.space)
		s.limit = 1 + r.IntN(1+r.IntN(150))
		s.exact = r.IntN(2) == 0
		if r.IntN(3) == 0 {
			c := randomCondition(r, 2)
			s.filter = &c
		}
	}
	return s
}

func randomKind(r *rand.Rand) kind {
	at := r.IntN(1000)
	for _, k := range perMille {
		if at -= k.share; at < 0 {
			return k.kind
		}
	}
	panic("indextest: the shares do not add up to 1000")
}

// String is the step for who reads a failure.
func (s step) String() string {
	out := string(s.kind)
	for _, c := range s.changes {
		out += fmt.Sprintf("\n\t%s %q %v hidden=%v", c.Action, c.Document.ID, c.Document.Metadata, c.Document.Hidden)
		for name, list := range c.Document.Vectors {
			out += fmt.Sprintf(" %s%v", name, list)
		}
	}
	if s.vector != nil {
		out += fmt.Sprintf(" %s limit %d %v", s.space.Name, s.limit, s.vector)
	}
	if s.filter != nil {
		out += " filter " + s.filter.text
	}
	return out
}

// spaces of a history. Grid's vectors are whole numbers whose products are exact
// in float32 in any order, full of ties and near-ties; nothing else is compared
// without tolerance.
var spaces = []index.Space{
	Space,
	{Name: "grid", Dim: 8, Metric: index.Dot, Encoder: "kit", Fingerprint: "grid"},
	{Name: "passing", Dim: 5, Metric: index.Cosine, Encoder: "kit", Fingerprint: "passing"},
}

// tolerance of a score against its value in float64.
func tolerance(s index.Space) float64 {
	if s.Metric == index.Dot {
		return 0
	}
	return 1e-5
}

// randomVector takes a fifth of the vectors from a few, so that there are
// duplicates.
func randomVector(r *rand.Rand, s index.Space) []float32 {
	if r.IntN(5) == 0 {
		r = rand.New(rand.NewPCG(77, uint64(r.IntN(12))))
	}
	v := make([]float32, s.Dim)
	for i := range v {
		if s.Metric == index.Dot {
			v[i] = float32(r.IntN(1001) - 500)
		} else {
			v[i] = float32(r.NormFloat64())
		}
	}
	if s.Metric == index.Dot && r.IntN(3) == 0 {
		return nearTie(r, v)
	}
	return v
}

// nearTie moves a vector of the grid by one unit, from one of a few places.
func nearTie(r *rand.Rand, v []float32) []float32 {
	for i := range v {
		v[i] = float32(400 - 100*(i%3))
	}
	v[r.IntN(len(v))]++
	return v
}

func randomChange(r *rand.Rand) index.Change {
	d := index.Document{ID: randomID(r), Metadata: randomMetadata(r), Hidden: r.IntN(8) == 0}
	switch r.IntN(20) {
	case 0, 1, 2, 3:
		return index.Change{Action: index.Delete, Document: index.Document{ID: d.ID}}
	case 4, 5, 6, 7:
		return index.Change{Action: index.Update, Document: d}
	case 8:
		return index.Change{Action: index.Put, Document: wrong(r, d)}
	}
	d.Vectors = randomVectors(r)
	return index.Change{Action: index.Put, Document: d}
}

// randomVectors gives a document vectors in some spaces, several now and then.
func randomVectors(r *rand.Rand) map[string][][]float32 {
	out := map[string][][]float32{}
	for _, s := range spaces {
		for range []int{0, 1, 1, 1, 1, 3}[r.IntN(6)] {
			out[s.Name] = append(out[s.Name], randomVector(r, s))
		}
	}
	return out
}

// wrong makes a document that a store refuses.
func wrong(r *rand.Rand, d index.Document) index.Document {
	v := randomVector(r, Space)
	switch r.IntN(5) {
	case 0:
		v = v[:3]
	case 1:
		v[2] = float32(math.NaN())
	case 2:
		v[2] = float32(math.Inf(1))
	case 3:
		clear(v)
	case 4:
		d.ID = ""
	}
	d.Vectors = map[string][][]float32{Space.Name: {v}}
	return d
}
