package library

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// By says what a query's words are compared with.
type By string

const (
	// ByMeaning compares what pictures show. It is the zero value's meaning.
	ByMeaning By = "meaning"
	// ByWords compares names, folders, captions and tags. It needs no model.
	ByWords By = "words"
	// ByBoth fuses the two rankings.
	ByBoth By = "both"
)

// SearchOptions say what Search returns. The zero value is right.
type SearchOptions struct {
	Limit          int      // 0 means 20
	MinProbability float64  // hits below are left out, but for those that have the words
	Paths          []string // only these files and what lies in these folders; none means all
	By             By       // "" means ByMeaning
	Late           bool     // compare with the parts of pictures, see Options.Parts
	Fold           bool     // near duplicates go into the best of them
	GroupBy        string   // a field of which each value is found once: its best picture
	Diversity      float64  // 0 to 1: how much hits should differ from those before them
	Facets         []string // fields whose values are counted

	Pages  bool   // answer by pages of Limit hits
	Cursor string // with Pages: Answer.Next of the page before

	Space string // that vectors are of; "" is the model's, or the only one of a library without a model

	asOf uint64 // the write to be seen; 0 is the last
	skip int    // hits of the pages before
}

// Hit is a found picture.
type Hit struct {
	Rank        int     `json:"rank"` // from 1
	Path        string  `json:"path"`
	Score       float64 `json:"score"` // cosine; BM25's with ByWords
	Probability float64 `json:"probability"`
	Mapped      bool    `json:"mapped,omitempty"` // by a model to come, over a map

	Match *float64 `json:"match,omitempty"` // the probability that the words are about it, where a model looked again

	Legs   []HitLeg `json:"legs,omitempty"`   // where words were found: what each ranking says
	Folded []string `json:"folded,omitempty"` // paths of near duplicates

	Group     string `json:"group,omitempty"`      // its value of SearchOptions.GroupBy
	GroupSize int    `json:"group_size,omitempty"` // hits of the group that were looked at

	// Metadata is what filters can ask for.
	Metadata map[string]any `json:"-"`

	ord uint32
}

// HitLeg is what one ranking says about a hit.
type HitLeg struct {
	Leg   index.Leg `json:"leg"`
	Rank  int       `json:"rank"`
	Score float64   `json:"score"`
}

// Answer is what Find found, and how.
type Answer struct {
	Hits   []Hit
	Facets []Facet     // of SearchOptions.Facets, in their order
	How    index.Found // without its hits
	Next   string      // the Cursor of the next page, if pages were asked for and there is one

	more bool // there are hits behind these
}

// Search finds the pictures nearest to a query, best first. A library that
// belongs to another model is an error of KindModel. A query without terms lists
// what passes its filter, the newest first, each with probability 1; it needs no
// model.
func (l *Library) Search(ctx context.Context, e Embedder, q Query, o SearchOptions) ([]Hit, error) {
	a, err := l.Find(ctx, e, q, o)
	return a.Hits, err
}

// NearDuplicate is the cosine from which pictures are folded, unless said otherwise.
const NearDuplicate = 0.97

// Find is Search, and says how it searched. Facets of a query with terms are counted
// among its first 500 hits, else among all that pass the filter.
func (l *Library) Find(ctx context.Context, e Embedder, q Query, o SearchOptions) (Answer, error) {
	if o.Limit == 0 {
		o.Limit = 20
	}
	if o.Diversity < 0 || o.Diversity > 1 {
		return Answer{}, errorf(KindQuery, "diversity %v; use 0 to 1", o.Diversity)
	}
	switch {
	case len(q.Terms) == 0 && (o.GroupBy != "" || o.Diversity > 0):
		return Answer{}, errorf(KindQuery, "groups and diversity are of a ranking; say what to look for too")
	case len(q.Terms) == 0:
		return l.findListed(ctx, q, o)
	case o.Late:
		return l.lateRanked(ctx, e, q, o)
	case o.Pages:
		return l.page(ctx, e, q, o)
	}
	return l.ranked(ctx, e, q, o)
}

// findListed answers a query that is only a filter.
func (l *Library) findListed(ctx context.Context, q Query, o SearchOptions) (a Answer, err error) {
	if o.Pages {
		a, err = l.listPage(ctx, q, o)
	} else {
		a.Hits, err = l.list(ctx, q, o)
	}
	if err == nil && len(o.Facets) > 0 {
		a.Facets, err = l.Facets(ctx, q.Filter, o.Facets, 0)
	}
	return a, err
}

// list is the newest of what passes a filter.
func (l *Library) list(ctx context.Context, q Query, o SearchOptions) ([]Hit, error) {
	keep, err := l.only(o.Paths)
	if err != nil {
		return nil, err
	}
	found, err := l.ix.Select(ctx, index.Selection{Filter: q.Filter, Newest: newest, Limit: o.Limit, Keep: keep})
	if err != nil {
		return nil, err
	}
	return listed(found), nil
}

// newest are the fields that order what a filter lets through.
var newest = []string{keyTaken, keyAdded}

func listed(found index.Found) []Hit {
	hits := make([]Hit, len(found.Hits))
	for i, f := range found.Hits {
		hits[i] = Hit{Rank: i + 1, Path: f.ID, Probability: 1, Metadata: public(f.Metadata)}
	}
	return hits
}

// Fields returns what filters can ask for, with up to examples values of each.
func (l *Library) Fields(examples int) ([]index.Field, error) { return l.ix.Fields(examples) }

// public is metadata without what is the library's own.
func public(metadata map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range metadata {
		if !slices.Contains(private, k) {
			out[k] = v
		}
	}
	return out
}

func round(x, unit float64) float64 { return math.Round(x*unit) / unit }

// only returns what keeps to files and folders, or nil for all.
func (l *Library) only(paths []string) (func(uint32) bool, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	kept := map[uint32]bool{}
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		for id, ord := range l.ix.IDs(abs) {
			if Within(id, abs) {
				kept[ord] = true
			}
		}
	}
	return func(ord uint32) bool { return kept[ord] }, nil
}

// sum is the weighed sum of the terms' unit vectors, at unit length.
func (q Query) sum(parts [][]float32) ([]float32, error) {
	sum := make([]float64, len(parts[0]))
	for i, t := range q.Terms {
		for k, x := range parts[i] {
			sum[k] += t.Weight * float64(x)
		}
	}
	var norm float64
	for _, x := range sum {
		norm += x * x
	}
	if norm = math.Sqrt(norm); norm < 1e-6 {
		return nil, errorf(KindQuery, "the terms of the query cancel each other out")
	}
	out := make([]float32, len(sum))
	for k, x := range sum {
		out[k] = float32(x / norm)
	}
	return out, nil
}

// embed returns a vector for each term: one call for all words, one for all pictures,
// one for all sounds. carry, if not nil, maps each of them.
func (q Query) embed(ctx context.Context, e Embedder, carry *linearMap) ([][]float32, error) {
	out := make([][]float32, len(q.Terms))
	var texts []string
	var textAt []int
	var files mixed
	for i, t := range q.Terms {
		switch {
		case t.stored != nil:
			out[i] = t.stored
		case t.Region != nil:
			v, err := t.regionOf(ctx, e)
			if err != nil {
				return nil, err
			}
			out[i] = v
		case t.Vector != nil:
			out[i] = t.Vector
		case t.Image == "":
			texts, textAt = append(texts, t.Text), append(textAt, i)
		default:
			if err := files.readTerm(i, t.Image, e); err != nil {
				return nil, err
			}
		}
	}
	if len(texts) > 0 {
		if err := needWords(e); err != nil {
			return nil, err
		}
		vectors, err := e.EmbedTexts(ctx, texts)
		if err != nil {
			return nil, err
		}
		place(out, textAt, vectors)
	}
	if err := files.embed(ctx, e, out); err != nil {
		return nil, err
	}
	for i, t := range q.Terms {
		if carry != nil && t.stored == nil { // what is stored is in the old space already
			out[i] = carry.carry(out[i], t.Text != "")
		}
	}
	return out, nil
}

// place puts vectors where they belong.
func place(out [][]float32, at []int, vectors [][]float32) {
	for k, i := range at {
		out[i] = vectors[k]
	}
}

// withDocuments looks up the terms that are documents, and returns what keeps
// them out of the hits: nobody looks for what they show.
func (l *Library) withDocuments(q Query, space string, keep func(uint32) bool) (Query, func(uint32) bool, error) {
	shown := map[uint32]bool{}
	terms := slices.Clone(q.Terms)
	for i, t := range terms {
		if t.Document == "" {
			continue
		}
		d, err := l.ix.Get(t.Document)
		if errors.Is(err, index.ErrNotFound) {
			return q, nil, errorf(KindDocument, "library %q has no document %q", l.name, shortened(t.Document))
		}
		if err != nil {
			return q, nil, err
		}
		shown[d.Ordinal] = true
		switch {
		case t.Region != nil && !l.Holds(t.Document):
			return q, nil, errorf(KindQuery, "the document %q has no picture's file to look at", t.Document)
		case t.Region != nil:
			terms[i].Image = t.Document
			continue
		case len(d.Vectors[space]) == 0:
			return q, nil, errorf(KindQuery, "the document %q has no vector to search with", t.Document)
		}
		terms[i].stored, terms[i].parts = d.Vectors[space][0], d.Vectors[space]
	}
	q.Terms = terms
	if len(shown) == 0 {
		return q, keep, nil
	}
	return q, func(ord uint32) bool { return !shown[ord] && (keep == nil || keep(ord)) }, nil
}

// ExpandHome replaces a leading ~/ by the home directory, which no shell does
// inside quotes.
func ExpandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	home, err := os.UserHomeDir()
	if !ok || err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
