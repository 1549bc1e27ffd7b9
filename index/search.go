package index

import (
	"cmp"
)

// A Query asks for the documents whose vectors are nearest to Vector.
type Query struct {
	Space  string
	Vector []float32 // Space.Dim long; of any length if the space is Cosine
	Limit  int       // 0 means 10

	// Vectors, in the place of Vector, ask for late interaction: a document's score is
	// the sum, over these, of the best of its vectors in Space. Space, Filter, Keep,
	// Exact, MinRecall, AtLeast and Limit count with it.
	Vectors [][]float32

	// MinRecall is the share of the true best documents that is to be expected among
	// the hits, 0 to 1. 0 means all of them where comparing everything costs about a
	// millisecond (some ten thousand vectors), else 0.99.
	MinRecall float64

	// Exact asks for the hits, order and scores of comparing all vectors in float32.
	Exact bool

	// Filter restricts the search to the documents that pass; nil means all.
	Filter *Filter

	// Keep, if not nil, restricts the search to ordinals it accepts. It is called
	// from several goroutines.
	Keep func(ordinal uint32) bool

	// Words asks for the documents whose texts have these words, by BM25; with a
	// vector too, the two rankings are fused. Words, "a phrase", pre*, fuzzy~: all are
	// wanted, but for the function words of a sentence. Empty means no such ranking.
	Words  string
	Typing bool // the last of Words may be the beginning of a word
	Fusion Fusion

	// Floor is the score under which a document is no real hit of the vector leg; 0
	// means that all are.
	Floor float32

	// Like and Unlike are ids of documents whose vectors are added to Vector, and
	// taken away; see the documentation for the weights. They are not found.
	Like, Unlike []string

	// Collapse, if not 0, folds hits into better ones that they are as near to: the
	// cosine of their vectors in Space is this or higher.
	Collapse float32

	// Diversity, 0 to 1, is how much hits should differ from those before them, at the
	// price of their scores.
	Diversity float64

	// GroupBy is a field, as filters have it, of which each value is found once: its
	// best document.
	GroupBy string

	// Highlight, if not 0, adds fragments of at most about so many bytes.
	Highlight int

	// Facets are fields whose values are counted among all documents that have the
	// words and pass the filter.
	Facets []string

	// AsOf asks for what there was after the write with this sequence, if that is
	// within the retention; 0 means now.
	AsOf uint64

	// AtLeast lets the search wait until it sees the write with this sequence, such as
	// Receipt.Seq.
	AtLeast uint64

	// Cursor continues behind the hits of an answer, its Found.Next, as of the same
	// write: pages have no hit twice and leave none out, whatever is written in
	// between. The query has to be the same but for Limit.
	Cursor string
}

// A Hit is a found document. Score is the cosine or inner product with the best
// of the document's vectors, computed in float32 from the stored values.
type Hit struct {
	ID       string
	Ordinal  uint32
	Score    float32 // of several legs: the fused one
	Metadata map[string]any

	Legs      []LegScore // what the legs say, of queries with words or more to do
	Folded    []string   // ids of near duplicates that the hit stands for
	Group     string     // its value in GroupBy, if it has one
	GroupSize int        // hits of the group that were looked at, this one included
	Fragments []Fragment // where the words stand
}

// Found is the answer to a Query.
type Found struct {
	Hits []Hit  // best first, equal scores by ordinal
	Seq  uint64 // the write up to which the search saw everything, and nothing after it
	Next string // a Cursor for what comes after the hits; "" if that is nothing

	Plan     Plan
	Visited  int     // vectors compared, most of them by their codes
	Rescored int     // of those, vectors compared in float32
	Expected float64 // share of the true best to be expected among the hits; 1 if exact

	Legs   []LegReport // of queries with words or more to do
	Facets []Facet     // of the query's Facets
}

// Plan is how a search was done.
type Plan string

const (
	PlanExact  Plan = "exact"          // all vectors, as if compared in float32
	PlanFlat   Plan = "flat"           // the codes of all vectors, by the likely errors of codes
	PlanGraph  Plan = "graph"          // a walk from vector to vector
	PlanFilter Plan = "filtered graph" // a walk among those of the documents that pass
)

type scored struct {
	score float32
	ord   uint32
}

// better orders by score, then by ordinal.
func better(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.ord, b.ord))
}
