package library

import (
	"context"
	"errors"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/calibrate"
)

// judge says of one query's hits how likely they match; see internal/calibrate.
// Every term of a sum is judged by itself.
type judge struct {
	space string
	terms []judgedTerm
}

type judgedTerm struct {
	*calibrate.Judge
	words, away bool
}

// everyday are the captions that every background is made with.
var everyday = calibrate.Captions()

// newJudge prepares the judging of what a search found in space. parts are the
// terms' vectors there, carry what took them there.
func (l *Library) newJudge(ctx context.Context, e Embedder, q Query, parts [][]float32, space string, carry *linearMap, seq uint64) (*judge, error) {
	b, err := l.backgroundOf(ctx, e, space, carry, seq)
	if err != nil {
		return nil, err
	}
	j := &judge{space: space}
	for i, t := range q.Terms {
		one := judgedTerm{words: t.Text != "", away: t.Weight < 0}
		if one.words {
			one.Judge = b.Words(parts[i])
		} else {
			one.Judge = b.Picture(parts[i])
		}
		j.terms = append(j.terms, one)
	}
	return j, nil
}

// probability judges one hit: of several vectors the best counts.
func (l *Library) probability(j *judge, h index.Hit) (float64, error) {
	d, err := l.ix.Get(h.ID)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return 0, err
	}
	best := 0.0
	// A picture that went since it was found has no vector any more.
	for _, v := range d.Vectors[j.space] {
		best = max(best, j.match(v))
	}
	return best, nil
}

func (j *judge) match(v []float32) float64 {
	terms := make([]calibrate.Term, len(j.terms))
	for i, t := range j.terms {
		terms[i] = calibrate.Term{Probability: t.Probability(v), Words: t.words, Away: t.away}
	}
	return calibrate.Sum(terms)
}

// background is what a model's queries are judged against as long as the library
// stays as it is.
type background struct {
	*calibrate.Background
	print, space string
	seq          uint64
}

// backgroundOf returns the background of a space, and makes it anew after the
// library was written to.
func (l *Library) backgroundOf(ctx context.Context, e Embedder, space string, carry *linearMap, seq uint64) (*calibrate.Background, error) {
	l.mu.Lock()
	have := l.background
	l.mu.Unlock()
	if have.Background != nil && have.print == e.Fingerprint() && have.space == space && have.seq == seq {
		return have.Background, nil
	}
	captions, err := l.everydayVectors(ctx, e)
	if err != nil {
		return nil, err
	}
	if carry != nil {
		carried := make([][]float32, len(captions))
		for i, c := range captions {
			carried[i] = carry.carry(c, true)
		}
		captions = carried
	}
	sample, size, err := l.sample(space)
	if err != nil {
		return nil, err
	}
	have = background{calibrate.NewBackground(sample, captions, size), e.Fingerprint(), space, seq}
	l.mu.Lock()
	l.background = have
	l.mu.Unlock()
	return have.Background, nil
}

// sample returns pictures of a space and how many there are.
func (l *Library) sample(space string) (vectors [][]float32, size int, err error) {
	vectors, err = l.ix.Sample(space, calibrate.SampleSize)
	if err != nil || len(vectors) < calibrate.SampleSize {
		return vectors, len(vectors), err
	}
	s, err := l.ix.Stats()
	return vectors, s.Vectors[space], err
}

// everydayVectors embeds the captions once a model.
func (l *Library) everydayVectors(ctx context.Context, e Embedder) ([][]float32, error) {
	l.mu.Lock()
	have := l.captions[e.Fingerprint()]
	l.mu.Unlock()
	if have != nil || picturesOnly(e) {
		return have, nil
	}
	vectors, err := e.EmbedTexts(ctx, everyday)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.captions = map[string][][]float32{e.Fingerprint(): vectors}
	return vectors, nil
}

// cosine of two vectors of unit length.
func cosine(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
