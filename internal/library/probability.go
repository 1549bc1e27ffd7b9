package library

import (
	"context"
	"errors"
	"time"

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
	large        bool      // a few writes change little of it
	until        time.Time // a large one stands for later writes until then
}

// of says whether there is one, and of what is asked for.
func (b *background) of(e Embedder, space string) bool {
	return b != nil && b.print == e.Fingerprint() && b.space == space
}

// What a large background stands for later writes: at least for lasting, and for so
// long that making it takes a small share of the time.
const (
	lasting     = 5 * time.Second
	makingShare = 0.02
)

// backgroundOf returns the background of a space. After the library was written to
// it is made anew: at once for a small library, in which a few pictures change what is
// likely, beside the searches for a large one.
func (l *Library) backgroundOf(ctx context.Context, e Embedder, space string, carry *linearMap, seq uint64) (*calibrate.Background, error) {
	have := l.background.Load()
	if !have.of(e, space) || have.seq != seq && !have.large {
		return l.newBackground(ctx, e, space, carry, seq)
	}
	if have.seq != seq && time.Now().After(have.until) && l.renewing.CompareAndSwap(false, true) {
		l.goBeside(func(ctx context.Context) {
			defer l.renewing.Store(false)
			l.newBackground(ctx, e, space, carry, seq) // if it fails, the old one stands
		})
	}
	return have.Background, nil
}

// newBackground makes a background, once for all who wait for it.
func (l *Library) newBackground(ctx context.Context, e Embedder, space string, carry *linearMap, seq uint64) (*calibrate.Background, error) {
	l.judging.Lock()
	defer l.judging.Unlock()
	if have := l.background.Load(); have.of(e, space) && have.seq == seq {
		return have.Background, nil
	}
	start := time.Now()
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
	b := &background{Background: calibrate.NewBackground(sample, captions, size), print: e.Fingerprint(), space: space, seq: seq, large: len(sample) == calibrate.SampleSize}
	took := time.Since(start)
	b.until = time.Now().Add(max(lasting, time.Duration(float64(took)/makingShare)))
	l.background.Store(b)
	return b.Background, nil
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
