package words

import (
	index "github.com/blevesearch/bleve_index_api"
)

// A Text is what a document says.
type Text struct {
	Ordinal uint32
	Lang    string // code of the language of all values; "" means told from the text
	Values  []Value
}

// A Value is one string of a document.
type Value struct {
	Field Field
	Text  string
}

// Field is the part that a string plays. It decides how much its words weigh and from
// what length on a longer one weighs less.
type Field uint8

const (
	Label  Field = iota // names, titles, tags
	Prose               // captions, descriptions
	Folder              // where the document lies
	fields
)

// weight and usual length, in words, of each field
var (
	fieldWeight = [fields]float64{1.2, 1, 0.5}
	fieldLength = [fields]float64{4, 12, 6}
	fieldName   = [fields]string{"l", "p", "f"}
)

const (
	anyStem   = "\x01" // before a stem that any language may have made
	langStem  = "\x02" // before a language's letter and its stem
	valueGap  = 16     // positions between two values, so that no phrase spans them
	firstLang = 'A'
)

// Terms are the words of a document, ready to be matched or written.
type Terms struct {
	ord    uint32
	fields [fields]saying
}

// Ordinal is the document's number.
func (d *Terms) Ordinal() uint32 { return d.ord }

// saying are the terms of one field.
type saying struct {
	length int // words
	next   int // position
	terms  index.TokenFrequencies
	only   *wanted // if not nil, other terms are left out
}

// Analyse finds the terms of a text.
func Analyse(t Text) *Terms { return analyse(t, nil) }

// analyse finds the terms of a text, or only wanted ones.
func analyse(t Text, only *wanted) *Terms {
	d := &Terms{ord: t.Ordinal}
	for f := range d.fields {
		d.fields[f].only = only
	}
	for _, v := range t.Values {
		d.fields[v.Field].add(v.Text, t.Lang)
	}
	return d
}

// add puts the terms of one value into a field.
func (s *saying) add(text, lang string) {
	var list []token
	var lowered []string
	for t := range tokens(text) {
		list = append(list, t)
		lowered = append(lowered, lower(text[t.start:t.end]))
	}
	of := tonguesIn(lang, lowered)
	for i := range list {
		s.put(text, list, lowered, i, of)
	}
	s.next += valueGap
}

// put adds one word of a text with all its forms.
func (s *saying) put(text string, list []token, lowered []string, i int, of tongues) {
	t := list[i]
	s.next++
	s.length++
	s.note(fold(lowered[i]), s.next)
	if t.kind == letter {
		s.stem(lowered[i], of)
		for _, part := range humps(text[t.start:t.end]) {
			s.note(fold(lower(part)), s.next)
			s.stem(lower(part), of)
		}
	}
	if packedPair(list, i) {
		s.note(fold(lowered[i])+fold(lowered[i+1]), s.next)
	}
}

// packedPair says whether a character and the next are of a script without spaces and
// stand side by side.
func packedPair(list []token, i int) bool {
	return i+1 < len(list) && list[i].kind == packed && list[i+1].kind == packed && list[i+1].start == list[i].end
}

// stem counts the stems of a word of a text in the given languages.
func (s *saying) stem(word string, of tongues) {
	for _, st := range stems(word) {
		if of == anyTongue {
			s.count(st.any)
			continue
		}
		for i := range languages() {
			if of&st.of&(1<<i) != 0 {
				s.count(langTerm(i, st.term))
			}
		}
	}
}

func langTerm(language int, stem string) string {
	return langStem + string(rune(firstLang+language)) + stem
}

// count counts a term and returns its entry, or nil for one that is left out.
func (s *saying) count(term string) *index.TokenFreq {
	use := s.terms[term]
	if use == nil && s.only != nil && !s.only.has(term) {
		return nil
	}
	if s.terms == nil {
		s.terms = index.TokenFrequencies{}
	}
	if use == nil {
		use = &index.TokenFreq{Term: []byte(term)}
		s.terms[term] = use
	}
	use.SetFrequency(use.Frequency() + 1)
	return use
}

// note counts a word and where it stands.
func (s *saying) note(term string, at int) {
	if term == "" {
		return
	}
	if use := s.count(term); use != nil {
		use.Locations = append(use.Locations, &index.TokenLocation{Position: at})
	}
}
