package words

import (
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/vellum/levenshtein"
)

const (
	maxEdits     = 2
	longestFuzzy = 32 // letters; what is longer is matched as it is
)

// builders make automata for one edit and for two, a swap of neighbours being one.
var builders = [maxEdits]func() *levenshtein.LevenshteinAutomatonBuilder{
	sync.OnceValue(func() *levenshtein.LevenshteinAutomatonBuilder { return newBuilder(1) }),
	sync.OnceValue(func() *levenshtein.LevenshteinAutomatonBuilder { return newBuilder(2) }),
}

func newBuilder(edits uint8) *levenshtein.LevenshteinAutomatonBuilder {
	b, err := levenshtein.NewLevenshteinAutomatonBuilder(edits, true)
	if err != nil {
		panic(err) // for more edits than two only
	}
	return b
}

// automaton accepts what is at most so many edits from word; 0 edits means by its
// length. nil means that only the word itself counts.
func automaton(word string, edits int) *levenshtein.DFA {
	n := utf8.RuneCountInString(word)
	if edits == 0 {
		edits = min(n/3, maxEdits)
	}
	if edits == 0 || n > longestFuzzy {
		return nil
	}
	dfa, err := builders[edits-1]().BuildDfa(word, uint8(edits))
	if err != nil {
		panic(err) // for automata with more states than the longest word makes
	}
	return dfa
}

// fuzzyFactor is what a word so many edits away weighs.
func fuzzyFactor(edits uint8) float64 {
	w := 1.0
	for range edits {
		w *= fuzzyWeight
	}
	return w
}
