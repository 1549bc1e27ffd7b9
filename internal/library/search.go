package library

import (
	"context"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/picture"
)

// SearchOptions say what Search returns. The zero value is right.
type SearchOptions struct {
	Limit          int      // 0 means 20
	MinProbability float64  // hits below are left out
	Paths          []string // only these files and what lies in these folders; none means all
}

// Hit is a found picture.
type Hit struct {
	Rank        int     `json:"rank"` // from 1
	Path        string  `json:"path"`
	Score       float64 `json:"score"` // cosine
	Probability float64 `json:"probability"`
	Mapped      bool    `json:"mapped,omitempty"` // by a model to come, over a map
}

// Search finds the pictures nearest to a query, best first. A library that
// belongs to another model is an error of KindModel. A query without terms lists
// what passes its filter, the newest first, each with probability 1; it needs no
// model.
func (l *Library) Search(ctx context.Context, e Embedder, q Query, o SearchOptions) ([]Hit, error) {
	if o.Limit == 0 {
		o.Limit = 20
	}
	if len(q.Terms) == 0 {
		return l.list(ctx, q, o)
	}
	if l.Manifest().Model == "" {
		return nil, nil // nothing was indexed yet
	}
	space, carry, err := l.answering(e)
	if err != nil {
		return nil, err
	}
	parts, err := q.embed(ctx, e, carry)
	if err != nil {
		return nil, err
	}
	vector, err := q.sum(parts)
	if err != nil {
		return nil, err
	}
	keep, err := l.only(o.Paths)
	if err != nil {
		return nil, err
	}
	answer, err := l.ix.Search(ctx, index.Query{Space: space, Vector: vector, Limit: o.Limit, Filter: q.Filter, Keep: keep})
	if err != nil {
		return nil, err
	}
	j, err := l.newJudge(ctx, e, q, parts, space, carry, answer.Seq)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for _, f := range answer.Hits {
		p, err := l.probability(j, f)
		if err != nil {
			return nil, err
		}
		if p >= o.MinProbability {
			hits = append(hits, Hit{len(hits) + 1, f.ID, round(float64(f.Score), 1e6), round(p, 1e4), carry != nil})
		}
	}
	return hits, nil
}

// list answers a query that is only a filter.
func (l *Library) list(ctx context.Context, q Query, o SearchOptions) ([]Hit, error) {
	keep, err := l.only(o.Paths)
	if err != nil {
		return nil, err
	}
	found, err := l.ix.Select(ctx, index.Selection{Filter: q.Filter, Newest: []string{keyTaken, keyAdded}, Limit: o.Limit, Keep: keep})
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(found))
	for i, f := range found {
		hits[i] = Hit{Rank: i + 1, Path: f.ID, Probability: 1}
	}
	return hits, nil
}

// Fields returns what filters can ask for, with up to examples values of each.
func (l *Library) Fields(examples int) ([]index.Field, error) { return l.ix.Fields(examples) }

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
			if within(id, abs) {
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

// embed returns a vector for each term: one call for all words, one for all
// pictures. carry, if not nil, maps each of them.
func (q Query) embed(ctx context.Context, e Embedder, carry *linearMap) ([][]float32, error) {
	var texts []string
	var images []image.Image
	for _, t := range q.Terms {
		if t.Image == "" {
			texts = append(texts, t.Text)
			continue
		}
		im, err := queryImage(t.Image, e.ImageSide())
		if err != nil {
			return nil, err
		}
		images = append(images, im)
	}
	var fromTexts, fromImages [][]float32
	var err error
	if len(texts) > 0 {
		if fromTexts, err = e.EmbedTexts(ctx, texts); err != nil {
			return nil, err
		}
	}
	if len(images) > 0 {
		if fromImages, err = e.EmbedImages(ctx, images); err != nil {
			return nil, err
		}
	}
	out := make([][]float32, len(q.Terms))
	for i, t := range q.Terms {
		from := &fromTexts
		if t.Image != "" {
			from = &fromImages
		}
		out[i], *from = (*from)[0], (*from)[1:]
		if carry != nil {
			out[i] = carry.carry(out[i], t.Image == "")
		}
	}
	return out, nil
}

// queryImage reads a picture of a query as Index reads those of the library.
func queryImage(path string, minSide int) (image.Image, error) {
	data, err := picture.ReadFile(ExpandHome(path), 0)
	if os.IsNotExist(err) {
		return nil, errorf(KindPath, "no picture %q", path)
	}
	if err != nil {
		return nil, &Error{Kind: KindPicture, Message: "the picture " + path + " cannot be read", Err: err}
	}
	im, err := newPictures(0, minSide).decode(data)
	if err != nil {
		return nil, &Error{Kind: KindPicture, Message: "the picture " + path + " cannot be used", Err: err}
	}
	return im, nil
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
