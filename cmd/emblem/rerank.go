package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/picture"
)

// mostReranked are the hits that are looked at again.
const mostReranked = 50

// readRerank checks that a query has what a model compares with pictures: words.
func (o *searchOptions) readRerank(a *app) (err error) {
	if o.Rerank == "" {
		return nil
	}
	for _, t := range o.Query.Terms {
		if t.Text == "" || t.Weight < 0 {
			return usagef("--rerank-model compares words with pictures; the query must be words, without pictures and nothing taken away")
		}
	}
	if len(o.Query.Terms) == 0 {
		return usagef("--rerank-model compares words with pictures; say what to look for")
	}
	o.Rerank, err = a.modelRef(o.Rerank)
	return err
}

// words are those of the query.
func (o *searchOptions) words() string {
	var words []string
	for _, t := range o.Query.Terms {
		words = append(words, t.Text)
	}
	return strings.Join(words, " ")
}

// rerank orders the first hits by how probable a model finds it that the words are about
// the picture, and says so. Those whose file cannot be read, and hits after the first
// fifty, follow as they were.
func (h *host) rerank(ctx context.Context, ref, words string, hits []library.Hit) error {
	m, err := h.answerer(ctx, ref)
	if err != nil {
		return err
	}
	if !m.Matches() {
		return usagef("--rerank-model: %s does not compare texts with pictures; take one that does, such as Salesforce/blip-itm-base-coco", m.Name())
	}
	top := hits[:min(len(hits), mostReranked)]
	for i := range top {
		p, ok, err := matchFile(ctx, m, top[i].Path, words)
		if err != nil {
			return err
		}
		if ok {
			top[i].Match = &p
		}
	}
	slices.SortStableFunc(top, func(a, b library.Hit) int {
		return cmp.Compare(matched(b), matched(a))
	})
	for i := range top {
		top[i].Rank = i + 1
	}
	return nil
}

// matched is how well a hit was found to match; below 0 where nobody could look.
func matched(h library.Hit) float64 {
	if h.Match == nil {
		return -1
	}
	return *h.Match
}

// matchFile looks at a picture's file with words in mind; a file that is none, or is not
// there any more, is not ok.
func matchFile(ctx context.Context, m *answer.Model, path, words string) (p float64, ok bool, err error) {
	limits := picture.LocalLimits(0)
	data, err := picture.ReadFile(path, limits.MaxBytes)
	if err != nil {
		return 0, false, nil
	}
	img, err := picture.Decode(data, picture.Options{Local: true, Limits: limits})
	if err != nil {
		return 0, false, nil
	}
	state, err := m.Encode(ctx, img, answer.PictureOptions{})
	if err != nil {
		return 0, false, err
	}
	list, err := m.Match(ctx, state, []string{words})
	if err != nil {
		return 0, false, err
	}
	return float64(list[0]), true, nil
}
