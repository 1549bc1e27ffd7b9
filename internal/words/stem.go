package words

import (
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

// stem is what some languages make of a word.
type stem struct {
	term string
	any  string // the term of a text of any language
	of   tongues
}

const (
	shortestStem = 3  // letters; shorter words stay as they are, shorter stems say too little
	longestStem  = 64 // bytes; longer ones are no words of a language
	stemsKept    = 1 << 15
)

// stemmed remembers the stems of words: collections say the same words again and again.
var stemmed = struct {
	sync.RWMutex
	of map[string][]stem
}{of: map[string][]stem{}}

// stems returns the distinct stems of a word, in lower case, over all languages of its
// script, with and without accents.
func stems(word string) []stem {
	stemmed.RLock()
	list, ok := stemmed.of[word]
	stemmed.RUnlock()
	if ok {
		return list
	}
	list = makeStems(word)
	stemmed.Lock()
	defer stemmed.Unlock()
	if len(stemmed.of) >= stemsKept {
		clear(stemmed.of)
	}
	stemmed.of[word] = list
	return list
}

func makeStems(word string) []stem {
	if len(word) > longestStem || utf8.RuneCountInString(word) < shortestStem {
		return nil
	}
	var list []stem
	add := func(term string, of tongues) {
		if utf8.RuneCountInString(term) < shortestStem {
			return
		}
		at := slices.IndexFunc(list, func(s stem) bool { return s.term == term })
		if at < 0 {
			at, list = len(list), append(list, stem{term: term, any: anyStem + term})
		}
		list[at].of |= of
	}
	in, bare := written(word), fold(word)
	for i, l := range languages() {
		if of := tongues(1) << i; in&of != 0 {
			for _, way := range l.stems {
				add(fold(stemOf(word, way)), of)
				if bare != word {
					add(fold(stemOf(bare, way)), of)
				}
			}
		}
	}
	return list
}

// stemOf runs one word through filters.
func stemOf(word string, way []analysis.TokenFilter) string {
	stream := analysis.TokenStream{{Term: []byte(word), Start: 0, End: len(word), Position: 1}}
	for _, f := range way {
		if stream = f.Filter(stream); len(stream) == 0 {
			return ""
		}
	}
	return string(stream[0].Term)
}
