package words

import (
	"slices"
	"unicode/utf8"
)

// A Span is a range of bytes of a text.
type Span struct{ Start, End int }

// A Fragment is the part of a text where most of a query stands.
type Fragment struct {
	Span         // of the text
	Marks []Span // of the text: the words that match, in order
}

// Highlight finds the fragment of a text, of at most about size bytes, with the most
// clauses of the query, the first of several. lang is the text's, as in Text. It returns
// false if no word matches.
func Highlight(q Query, text, lang string, size int) (Fragment, bool) {
	marks := q.marks(text, lang)
	best, most := -1, 0
	for i := range marks {
		seen := uint64(0)
		for _, m := range marks[i:] {
			if m.End > marks[i].Start+size {
				break
			}
			seen |= m.clauses
		}
		if n := popcount(seen); n > most {
			best, most = i, n
		}
	}
	if best < 0 {
		return Fragment{}, false
	}
	f := Fragment{Span: window(text, marks[best].Span, size)}
	for _, m := range marks[best:] {
		if m.End > f.End {
			break
		}
		f.Marks = append(f.Marks, m.Span)
	}
	return f, true
}

func popcount(set uint64) int {
	n := 0
	for ; set != 0; set &= set - 1 {
		n++
	}
	return n
}

// mark is a word that matches and the clauses that it does.
type mark struct {
	Span
	clauses uint64
}

// marks finds the words of a text that match a clause, each analysed as a text of its
// own but in the languages of the whole.
func (q Query) marks(text, lang string) []mark {
	var list []token
	var lowered []string
	for t := range tokens(text) {
		list = append(list, t)
		lowered = append(lowered, lower(text[t.start:t.end]))
	}
	of := tonguesIn(lang, lowered)
	hits := make([]uint64, len(list))
	for i := range list {
		var s saying
		s.put(text, list, lowered, i, of)
		for c := range q.clauses {
			if clause := &q.clauses[c]; clause.phrase == nil && clause.inField(&s, Prose) > 0 {
				hits[i] |= 1 << c
				if pair := clause.terms[0].text; packedPair(list, i) && pair == fold(lowered[i])+fold(lowered[i+1]) {
					hits[i+1] |= 1 << c
				}
			}
		}
	}
	q.markPhrases(lowered, hits)
	var out []mark
	for i, set := range hits {
		if set != 0 {
			out = append(out, mark{Span{list[i].start, list[i].end}, set})
		}
	}
	return out
}

// markPhrases adds the words of whole phrases to the hits.
func (q Query) markPhrases(lowered []string, hits []uint64) {
	folded := make([]string, len(lowered))
	for i, w := range lowered {
		folded[i] = fold(w)
	}
	for c := range q.clauses {
		words := q.clauses[c].spoken()
		for at := 0; len(words) > 0 && at+len(words) <= len(folded); at++ {
			if slices.Equal(folded[at:at+len(words)], words) {
				for i := range words {
					hits[at+i] |= 1 << c
				}
			}
		}
	}
}

// spoken are the words of a phrase as a text has them: a run of characters without
// spaces is in the phrase by pairs.
func (c *clause) spoken() []string {
	if !c.pairs {
		return c.phrase
	}
	var list []string
	for _, r := range c.text {
		list = append(list, string(r))
	}
	return list
}

// window widens a span to at most size bytes, at the gaps between words, a third of
// what is added before it.
func window(text string, at Span, size int) Span {
	w := at
	from := at.Start - max(0, size-(at.End-at.Start))/3
	for t := range tokens(text) {
		if t.start >= from {
			w.Start = min(w.Start, t.start)
			break
		}
	}
	to := w.Start + size
	for t := range tokens(text) {
		if t.end > to {
			return w
		}
		w.End = max(w.End, t.end)
	}
	w.End = min(len(text), to) // the text ends here, with a full stop perhaps
	for w.End < len(text) && !utf8.RuneStart(text[w.End]) {
		w.End--
	}
	return w
}
