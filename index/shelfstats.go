package index

import (
	"cmp"
	"slices"
)

// Derived is the state of one thing that is made from the truth and can be made
// again.
type Derived struct {
	Leg     string // "vectors"
	Space   string
	State   DerivedState
	Rows    int   // vectors, those of deleted documents too
	Pending int   // of them, those that are not in codes or graph yet
	Memory  int   // bytes of codes and graph
	Damaged int64 // files that were found damaged since the index was opened, of all spaces
}

// DerivedState says how searches come to their answers.
type DerivedState string

const (
	// StateReading: vectors are read; searches compare those in the store.
	StateReading DerivedState = "reading"
	// StateMemory: few vectors, compared in memory.
	StateMemory DerivedState = "memory"
	// StateCodes: the codes of all vectors are compared first.
	StateCodes DerivedState = "codes"
	// StateGraph: walks go from vector to vector where that is faster.
	StateGraph DerivedState = "graph"
	// StateDamaged: what is derived is made anew; searches compare the vectors in the
	// store.
	StateDamaged DerivedState = "damaged"
)

// derivedStates describes the spaces.
func (ix *Index) derivedStates() []Derived {
	v := ix.view.Load()
	var out []Derived
	for _, space := range v.schema {
		d := Derived{Leg: legVectors, Space: space.Name, State: StateReading, Damaged: ix.damages.Load()}
		if s := v.shelves[space.Name]; s != nil {
			d.State, d.Rows, d.Pending = s.state(), s.n, s.n-s.linked()
			if g := s.graph.Load(); g != nil {
				d.Memory = g.Bytes()
			}
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Derived) int { return cmp.Compare(a.Space, b.Space) })
	return out
}

func (s *shelf) state() DerivedState {
	switch {
	case s.suspect.Load():
		return StateDamaged
	case s.graph.Load() == nil && s.tail.from > 0:
		return StateReading
	case s.graph.Load() == nil:
		return StateMemory
	case !s.walked.Load():
		return StateCodes
	}
	return StateGraph
}
