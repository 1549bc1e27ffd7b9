package words

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/vellum/levenshtein"
)

// A Query is a parsed search. All its clauses are wanted, but for function words in a
// sentence: of those only the rank takes note.
type Query struct {
	clauses []clause
}

// clause is one word, phrase, prefix or fuzzy word.
type clause struct {
	word     string // in lower case
	text     string // the same without accents
	terms    []term // what is looked up, by exact match
	phrase   []string
	pairs    bool // the phrase is of pairs of characters
	prefix   bool
	fuzzy    *levenshtein.DFA
	function bool // a function word
	optional bool
}

// term is an entry of the dictionary and what meeting it weighs.
type term struct {
	text   string
	weight float64
}

// what a match weighs that is not the word itself
const (
	stemWeight   = 0.7
	prefixWeight = 0.6
	fuzzyWeight  = 0.5 // of each edit
)

const (
	maxQuery   = 4096 // bytes
	maxClauses = 64
)

// Parse reads a query: words, "a phrase", pre*, fuzzy~ (one edit from three letters
// on, two from six; fuzzy~1 and fuzzy~2 say how many). With typing the last word
// counts as a prefix too. Nothing is a syntax error; a text without words finds nothing.
func Parse(text string, typing bool) (Query, error) {
	if len(text) > maxQuery {
		return Query{}, fmt.Errorf("words: a query has at most %d bytes, got %d", maxQuery, len(text))
	}
	var q Query
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if phrase, ok := strings.CutPrefix(rest, `"`); ok {
			phrase, rest, _ = strings.Cut(phrase, `"`)
			q.phrase(phrase)
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r == '"' || r == ' ' || r == '\t' || r == '\n' || r == '\u3000' })
		if end < 0 {
			end = len(rest)
		}
		q.chunk(rest[:end], typing && strings.TrimSpace(rest[end:]) == "" && end == len(rest) && !strings.HasSuffix(text, " "))
		rest = rest[end:]
	}
	if len(q.clauses) > maxClauses {
		return Query{}, fmt.Errorf("words: a query has at most %d words, got %d", maxClauses, len(q.clauses))
	}
	q.relax()
	return q, nil
}

// Empty says that there is no word in the query.
func (q Query) Empty() bool { return len(q.clauses) == 0 }

func (q *Query) phrase(text string) {
	var list []string
	for t := range tokens(text) {
		list = append(list, fold(lower(text[t.start:t.end])))
	}
	switch len(list) {
	case 0:
	case 1:
		q.clauses = append(q.clauses, clause{text: list[0], terms: []term{{list[0], 1}}})
	default:
		q.clauses = append(q.clauses, clause{text: strings.Join(list, " "), phrase: list})
	}
}

// chunk reads what stands between spaces. It may be several words, as in IMG_2034.
func (q *Query) chunk(text string, typing bool) {
	body, edits, fuzzy := cutFuzzy(text)
	body, star := strings.CutSuffix(body, "*")
	var list []token
	long := false // some word has more than one letter
	for t := range tokens(body) {
		list = append(list, t)
		long = long || t.kind == letter && utf8.RuneCountInString(body[t.start:t.end]) > 1
	}
	for i := 0; i < len(list); i++ {
		t := list[i]
		if t.kind == packed {
			run := i + 1
			for run < len(list) && list[run].kind == packed && list[run].start == list[run-1].end {
				run++
			}
			q.packed(body, list[i:run])
			i = run - 1
			continue
		}
		// The l of l'arbre and the s of dog's are no words of their own.
		if long && t.kind == letter && utf8.RuneCountInString(body[t.start:t.end]) == 1 {
			continue
		}
		c := wordClause(lower(body[t.start:t.end]), t.kind)
		last := i == len(list)-1
		c.prefix = last && (star || typing)
		if fuzzy && t.kind == letter {
			c.fuzzy = automaton(c.text, edits)
		}
		c.function = c.function && !c.prefix && c.fuzzy == nil
		q.clauses = append(q.clauses, c)
	}
}

// cutFuzzy takes ~, ~1 or ~2 off the end; edits is 0 for the former.
func cutFuzzy(text string) (body string, edits int, ok bool) {
	if body, ok = strings.CutSuffix(text, "~"); ok {
		return body, 0, true
	}
	for n, suffix := range []string{"~0", "~1", "~2"} {
		if body, ok = strings.CutSuffix(text, suffix); ok {
			return body, n, n > 0
		}
	}
	return text, 0, false
}

func wordClause(word string, k kind) clause {
	c := clause{word: word, text: fold(word)}
	c.terms = append(c.terms, term{c.text, 1})
	if k != letter {
		return c
	}
	c.function = functionWords()[word] != 0
	for _, s := range stems(word) {
		c.terms = append(c.terms, term{s.any, stemWeight})
		for i := range languages() {
			if s.of&(1<<i) != 0 {
				c.terms = append(c.terms, term{langTerm(i, s.term), stemWeight})
			}
		}
	}
	return c
}

// packed makes one clause of a run of characters without spaces: its pairs, one after
// another.
func (q *Query) packed(text string, run []token) {
	var chars []string
	for _, t := range run {
		chars = append(chars, fold(lower(text[t.start:t.end])))
	}
	whole := strings.Join(chars, "")
	if len(chars) <= 2 {
		q.clauses = append(q.clauses, clause{text: whole, terms: []term{{whole, 1}}})
		return
	}
	c := clause{text: whole, pairs: true}
	for i := range len(chars) - 1 {
		c.phrase = append(c.phrase, chars[i]+chars[i+1])
	}
	q.clauses = append(q.clauses, c)
}

// relax makes the function words of a sentence optional: there are at least sure of
// one language, and other words too.
func (q *Query) relax() {
	var t tally
	content := false
	for _, c := range q.clauses {
		if c.function {
			t.add(functionWords()[c.word])
		}
		content = content || !c.function
	}
	if content && t.best() >= sure {
		q.loosen()
	}
}

// loosen makes all function words optional and says whether that changed anything.
func (q *Query) loosen() bool {
	content, changed := false, false
	for _, c := range q.clauses {
		content = content || !c.function
	}
	for i := range q.clauses {
		if c := &q.clauses[i]; content && c.function && !c.optional {
			c.optional, changed = true, true
		}
	}
	return changed
}
