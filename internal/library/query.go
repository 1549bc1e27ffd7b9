package library

import (
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/vit"
)

// A Query is a sum of words and pictures.
//
//	query  = term { (" + " | " - ") term }
//	term   = [ weight ":" ] ( picture | text )
//	picture = "image:" path | "image:" '"' path '"' | "./…" | "../…" | "/…" | "~/…"
//
// The operators count only between spaces, never first, and not inside quotes.
type Query struct {
	Terms  []Term        // none lists what passes the filter
	Filter *index.Filter `json:",omitempty"`
}

// Term is one part of a query: one of Text, Image and Document.
type Term struct {
	Text     string
	Image    string  // path of a picture
	Document string  // id of a document that is in the library; it is not found itself
	Weight   float64 // negative for a term that is taken away; never 0

	// Vector, if not nil, is what the model makes of the term, made before. A term
	// with a Vector and nothing else is a picture.
	Vector []float32 `json:",omitempty"`

	// Region, if not nil, is the part of the picture that is looked for, in fractions of
	// its width and height. File is a picture's file, in the place of Image.
	Region *vit.Window `json:",omitempty"`
	File   []byte      `json:",omitempty"`

	stored []float32   // of a document
	parts  [][]float32 // of a document: all that it has in the space
}

const (
	maxQuery  = 100_000 // bytes
	maxTerms  = 64
	maxWeight = 1000
)

// ParseQuery reads a query; errors are of KindQuery.
func ParseQuery(s string) (Query, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Query{}, errorf(KindQuery, "the query is empty; say what to look for, such as: emblem search \"a red car\"")
	}
	if len(s) > maxQuery {
		return Query{}, errorf(KindQuery, "the query has %d bytes, at most %d", len(s), maxQuery)
	}
	var q Query
	for _, p := range splitTerms(s) {
		t, err := parseTerm(p.text)
		if err != nil {
			return Query{}, err
		}
		t.Weight *= p.sign
		q.Terms = append(q.Terms, t)
	}
	if len(q.Terms) > maxTerms {
		return Query{}, errorf(KindQuery, "the query has %d terms, at most %d", len(q.Terms), maxTerms)
	}
	return q, nil
}

type signedPart struct {
	sign float64
	text string
}

// splitTerms cuts at " + " and " - " outside of image:"…".
func splitTerms(s string) []signedPart {
	var parts []signedPart
	sign, from := 1.0, 0
	for i := 0; i < len(s); i++ {
		if end := quotedEnd(s, i); end > 0 {
			i = end - 1
			continue
		}
		// An operator directly after another is text: "a - - b" takes "- b" away.
		if i > from && strings.HasPrefix(s[i:], " + ") || i > from && strings.HasPrefix(s[i:], " - ") {
			parts = append(parts, signedPart{sign, strings.TrimSpace(s[from:i])})
			sign = 1
			if s[i+1] == '-' {
				sign = -1
			}
			from = i + 3
			i += 2
		}
	}
	return append(parts, signedPart{sign, strings.TrimSpace(s[from:])})
}

// quotedEnd returns the end of an image:"…" that begins at i, or 0.
func quotedEnd(s string, i int) int {
	const open = `image:"`
	if !strings.HasPrefix(s[i:], open) {
		return 0
	}
	end := strings.IndexByte(s[i+len(open):], '"')
	if end < 0 {
		return 0
	}
	return i + len(open) + end + 1
}

var weightPrefix = regexp.MustCompile(`^(\d+(?:\.\d+)?):`)

func parseTerm(s string) (Term, error) {
	t := Term{Weight: 1}
	if m := weightPrefix.FindStringSubmatch(s); m != nil {
		w, err := strconv.ParseFloat(m[1], 64)
		if err != nil || w <= 0 || w > maxWeight || math.IsNaN(w) {
			return t, errorf(KindQuery, "the weight of %q must be over 0 and at most %d", s, maxWeight)
		}
		t.Weight, s = w, strings.TrimSpace(s[len(m[0]):])
	}
	path, isImage, err := imagePath(s)
	if err != nil {
		return t, err
	}
	if isImage {
		t.Image = path
		return t, nil
	}
	if s == "" {
		return t, errorf(KindQuery, "a term of the query is empty; write words or a picture on both sides of + and -")
	}
	t.Text = s
	return t, nil
}

// imagePath recognises a term that is a picture.
func imagePath(s string) (path string, isImage bool, err error) {
	rest, named := strings.CutPrefix(s, "image:")
	if !named {
		return s, looksLikePath(s), nil
	}
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		path, ok = strings.CutSuffix(quoted, `"`)
		if !ok || strings.Contains(path, `"`) {
			return "", true, errorf(KindQuery, `%s: write image:"PATH" with a quote at both ends`, s)
		}
		rest = path
	}
	if rest == "" {
		return "", true, errorf(KindQuery, "image: needs the path of a picture, such as image:./a.jpg")
	}
	return rest, true, nil
}

func looksLikePath(s string) bool {
	for _, prefix := range []string{"./", "../", "/", "~/", `.\`, `..\`} {
		if len(s) > len(prefix) && strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return filepath.VolumeName(s) != "" && filepath.IsAbs(s)
}

// mostWords is how many words are looked for in names and captions; a longer query is
// a text about a picture, not words that it would have.
const mostWords = 32

// words are those of the terms that count for a picture.
func (q Query) words() string {
	var texts []string
	for _, t := range q.Terms {
		if t.Text != "" && t.Weight > 0 {
			texts = append(texts, t.Text)
		}
	}
	all := strings.Join(texts, " ")
	if len(strings.Fields(all)) > mostWords {
		return ""
	}
	return all
}
