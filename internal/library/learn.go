package library

import (
	"context"
	"errors"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// learnFrom is the number of pictures from which a search walks a graph, and is
// quicker for having seen queries of words before.
const learnFrom = 50_000

const noteLearned = "learned" // the fingerprint whose words the index has seen

// learn is the last step of Index.
func (x *indexing) learn(ctx context.Context) error { return x.lib.learn(ctx, x.model) }

// learn shows the index what queries of words look like, once a model: the
// everyday captions, joined two by two. Without, words are compared with all
// pictures, which is right but slower in a large library.
func (l *Library) learn(ctx context.Context, e Embedder) error {
	if picturesOnly(e) {
		return nil
	}
	seen, err := l.ix.Note(noteLearned)
	if err != nil && !errors.Is(err, index.ErrNotFound) || string(seen) == e.Fingerprint() {
		return err
	}
	st, err := l.ix.Stats() // counts, so it comes after
	if err != nil || st.Documents < l.learnFrom {
		return err
	}
	vectors, err := e.EmbedTexts(ctx, wordSamples())
	if err != nil {
		return err
	}
	if err := l.ix.Learn(ctx, l.Manifest().space(), vectors); err != nil {
		return err
	}
	return l.ix.SetNote(noteLearned, []byte(e.Fingerprint()))
}

// learnBeside learns while searches go on, where a query of words was compared with
// all pictures of a large library: one that nobody indexed, but filled.
func (l *Library) learnBeside(e Embedder) {
	print := e.Fingerprint()
	if have := l.learning.Swap(&print); have != nil && *have == print {
		return
	}
	l.goBeside(func(ctx context.Context) {
		if l.learn(ctx, e) != nil {
			l.learning.Store(nil) // another search may try again
		}
	})
}

// unlearned says whether a search took its time for want of learned words.
func (l *Library) unlearned(q Query, how index.Found) bool {
	return how.Plan == index.PlanExact && how.Visited >= l.learnFrom && slices.ContainsFunc(q.Terms, func(t Term) bool { return t.Text != "" })
}

// wordSamples are a few hundred queries as people write them.
func wordSamples() []string {
	out := append([]string(nil), everyday...)
	for i, a := range everyday {
		for _, b := range everyday[:i] {
			out = append(out, a+" and "+b)
		}
	}
	return out
}
