package words

import (
	"slices"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
)

// in says how much a clause is heard in a document in memory; 0 means not at all.
func (c *clause) in(d *Terms) float64 {
	var uses [fields]float32
	for f := range d.fields {
		uses[f] = c.inField(&d.fields[f], Field(f))
	}
	return heard(&uses)
}

func (c *clause) inField(s *saying, f Field) float32 {
	best := float32(0)
	hear := func(weight float64, uses int) {
		best = max(best, use(weight, uses, s.length, f))
	}
	for _, t := range c.terms {
		if u := s.terms[t.text]; u != nil {
			hear(t.weight, u.Frequency())
		}
	}
	if c.phrase != nil {
		hear(1, c.phraseIn(s))
	}
	if !c.prefix && c.fuzzy == nil {
		return best
	}
	for text, u := range s.terms {
		if text[0] < firstLetter {
			continue
		}
		if weight := c.loose(text); weight > 0 {
			hear(weight, u.Frequency())
		}
	}
	return best
}

// firstLetter is below the first byte of all words and above that of stems.
const firstLetter = 0x03

// loose is what a word weighs for a clause that is a prefix or fuzzy.
func (c *clause) loose(text string) float64 {
	weight := 0.0
	if c.prefix && strings.HasPrefix(text, c.text) {
		weight = prefixWeight
	}
	if c.fuzzy != nil {
		if ok, edits := c.fuzzy.MatchAndDistance(text); ok {
			weight = max(weight, fuzzyFactor(edits))
		}
	}
	return weight
}

// phraseIn counts a phrase.
func (c *clause) phraseIn(s *saying) int {
	at := make([][]int, len(c.phrase))
	for i, word := range c.phrase {
		u := s.terms[word]
		if u == nil {
			return 0
		}
		at[i] = positions(u)
	}
	return inRow(at)
}

func positions(u *index.TokenFreq) []int {
	list := make([]int, len(u.Locations))
	for i, l := range u.Locations {
		list[i] = l.Position
	}
	return list
}

// inRow counts the places where each list has the position after that of the list
// before it. The lists are ascending.
func inRow(at [][]int) int {
	n := 0
	for _, first := range at[0] {
		whole := true
		for i := 1; i < len(at) && whole; i++ {
			_, whole = slices.BinarySearch(at[i], first+i)
		}
		if whole {
			n++
		}
	}
	return n
}

// wanted are the terms that a query looks up.
type wanted struct {
	exact map[string]bool
	loose []*clause
}

func (w *wanted) has(term string) bool {
	if w.exact[term] {
		return true
	}
	for _, c := range w.loose {
		if term[0] >= firstLetter && c.loose(term) > 0 {
			return true
		}
	}
	return false
}

// Listener returns a quicker Analyse, for searches by this query alone.
func (q Query) Listener() func(Text) *Terms {
	w := &wanted{exact: map[string]bool{}}
	for i := range q.clauses {
		c := &q.clauses[i]
		for _, t := range c.terms {
			w.exact[t.text] = true
		}
		for _, word := range c.phrase {
			w.exact[word] = true
		}
		if c.prefix || c.fuzzy != nil {
			w.loose = append(w.loose, c)
		}
	}
	return func(t Text) *Terms { return analyse(t, w) }
}
