package ask

import (
	"regexp"
	"strings"
)

// Kind is a family of questions.
type Kind string

// The families that can be answered.
const (
	Exist    Kind = "exist"    // is there a dog?
	What     Kind = "what"     // what is in the picture?
	Colour   Kind = "colour"   // what colour is the car?
	Count    Kind = "count"    // how many dogs are there?
	Place    Kind = "place"    // where is the dog?
	Beside   Kind = "beside"   // what is left of the car?
	Relation Kind = "relation" // is the dog left of the car?
	Setting  Kind = "setting"  // where is this?
	Is       Kind = "is"       // is it night?
	Time     Kind = "time"     // is it day or night?
	Choice   Kind = "choice"   // is it a cat or a dog?
	Given    Kind = "given"    // anything, with candidates
)

// Question is what a grammar read.
type Question struct {
	Text       string
	Language   string // en or de, the language of the answer
	Kind       Kind
	Subject    string   // singular, without an article: red car
	Object     string   // of Beside and Relation
	Relation   string   // left, right, above or below
	Setting    string   // of Is: a key of settings
	Choices    []string // of Choice
	Class      string   // of What: animal, in "which animal is it?"
	Collection bool     // it is about many pictures: "how many of my pictures show a dog?"
}

// UncoveredError says that the grammar does not know a question.
type UncoveredError struct {
	Text string
	Word string // a word that it does not know, of a question that it does
}

func (e *UncoveredError) Error() string {
	if e.Word != "" {
		return "ask: the word \"" + e.Word + "\" is not known; ask in English"
	}
	return "ask: this model answers simple questions only, such as: is there a dog? what is in the picture? what colour is the car? " +
		"how many dogs are there? where is the dog? what is left of the car? is the dog left of the car? where is this? is it day or night? is it a cat or a dog? " +
		"Ask one of these, or give candidates"
}

// form is a sentence of one language and what it asks.
type form struct {
	pattern *regexp.Regexp
	read    func(q *Question, m map[string]string) bool
}

// Parse reads a question. One that no form covers is an *UncoveredError.
func Parse(text string) (Question, error) {
	s := normalise(text)
	for _, g := range []struct {
		language string
		forms    []form
	}{{"en", english}, {"de", german}} {
		q := Question{Text: text, Language: g.language}
		for _, f := range g.forms {
			m := f.pattern.FindStringSubmatch(s)
			if m == nil {
				continue
			}
			fresh := q
			if f.read(&fresh, named(f.pattern, m)) {
				return translated(fresh)
			}
		}
	}
	return Question{}, &UncoveredError{Text: text}
}

func named(p *regexp.Regexp, m []string) map[string]string {
	out := map[string]string{}
	for i, name := range p.SubexpNames() {
		if name != "" && m[i] != "" {
			out[name] = m[i]
		}
	}
	return out
}

var (
	spaces = regexp.MustCompile(`\s+`)
	polite = regexp.MustCompile(`^(?:please|hey|hi|hello|so|and|bitte|und|can you tell me|could you tell me|tell me|do you know|kannst du mir sagen|sag mir),? `)
)

// normalise brings a question to lower case, without its end and politeness.
func normalise(s string) string {
	s = strings.NewReplacer("’", "'", "what's", "what is", "where's", "where is", "who's", "who is", "there's", "there is").Replace(strings.ToLower(s))
	s = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(spaces.ReplaceAllString(s, " ")), "?!. "))
	for {
		t := polite.ReplaceAllString(s, "")
		if t == s {
			return strings.TrimSuffix(s, ", please")
		}
		s = t
	}
}

// reads is a form whose named parts are slots: x and y are things, or a setting.
func reads(kind Kind, pattern string, more ...func(*Question, map[string]string) bool) form {
	return form{regexp.MustCompile("^(?:" + pattern + ")$"), func(q *Question, m map[string]string) bool {
		q.Kind, q.Subject, q.Object = kind, m["x"], m["y"]
		for _, f := range more {
			if !f(q, m) {
				return false
			}
		}
		return true
	}}
}
