package decoder

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/emblem-search/emblem/text"
)

// sequence is a prompt that is being continued. All but its mailbox belongs to the
// goroutine that takes the turns.
type sequence struct {
	ctx      context.Context
	source   []int32 // what the encoder of an encoder-decoder reads
	states   *Source // what another model's encoder has made, in its place
	ids      []int32 // the prompt and what follows
	inserts  []Insert
	prompt   int     // tokens of it
	most     int     // tokens that may follow
	eos      []int32 // end it
	forced   forced
	limits   limits
	sampling Sampling
	tops     int // alternatives to report with each token; below 0: no probabilities

	scored []int32 // tokens that follow whatever is likely, to learn how likely they are; nil: they are chosen
	told   int     // of these

	constraint *constraint // nil: none
	tokenizer  *text.Tokenizer

	done   int     // tokens whose keys and values are in pages
	pages  []int32 // that it holds
	named  int     // pages of them that have a name
	last   key     // the name of the last of these
	reused int     // tokens of the prompt that another sequence had left in pages
	origin key     // of the first page's name: what the source is

	crossPages []int32 // of the source's keys and values
	encoded    bool    // that they hold

	out mailbox
}

// sourceLen is how many states the sequence attends to besides its own tokens.
func (q *sequence) sourceLen() int {
	if q.states != nil {
		return q.states.len
	}
	return len(q.source)
}

// pending is the number of tokens whose keys and values are not computed.
func (q *sequence) pending() int { return len(q.ids) - q.done }

// span is the length that the token at a position is scaled for: prompts are computed
// as a whole, in what parts ever, the others as they come. As in transformers, that
// matters to dynamic scaling only, and there only past the original positions.
func (q *sequence) span(c config, at int) int32 {
	if c.rope.kind != "dynamic" {
		return 0
	}
	return int32(max(at+1, q.prompt, c.rope.positions))
}

// wants is the first token whose logits are wanted; those of all after it are.
func (q *sequence) wants() int {
	if q.scored != nil {
		return q.prompt - 1
	}
	return len(q.ids) - 1
}

// take takes the logits (V) that follow the token at a position and tells whether that
// was all.
func (q *sequence) take(c config, at int, logits []float32) (finished bool, err error) {
	if q.scored != nil {
		return q.score(at-q.wants(), logits), nil
	}
	return q.advance(c, logits)
}

// advance takes the logits (V) that follow the last token: it chooses the next one,
// sends it, and tells whether that was all.
func (q *sequence) advance(c config, logits []float32) (finished bool, err error) {
	t := Token{reused: q.reused}
	if q.tops >= 0 {
		t.logprobs(logits, q.tops)
	}
	raw := logits
	if q.tops >= 0 {
		raw = slices.Clone(logits) // the choice overwrites them
	}
	made := len(q.ids) - q.prompt + 1 // with this one
	last := made >= q.most || len(q.ids)+1 >= c.positions
	switch {
	case made == 1 && q.forced.first != nil:
		t.ID = *q.forced.first
	case last && q.forced.last != nil:
		t.ID = *q.forced.last
	default:
		q.limits.apply(logits, q.ids, q.prompt, q.eos)
		if q.constraint != nil {
			if err := q.constraint.apply(logits, q.eos); err != nil {
				return true, err
			}
		}
		t.ID = q.sampling.choose(logits, q.ids)
	}
	if q.tops >= 0 {
		t.LogProb = float32(float64(raw[t.ID]) - t.norm)
	}
	q.ids = append(q.ids, t.ID)
	switch {
	case slices.Contains(q.eos, t.ID), q.constraint != nil && q.constraint.accept(q.tokenizer, t.ID):
		t.Finish = Stop
	case last:
		t.Finish = Length
	}
	q.out.send(t)
	return t.Finish != "", nil
}

// Token is one that was generated.
type Token struct {
	ID      int32
	LogProb float32     // of the model's own distribution; 0 where not asked for
	Tops    []Candidate // the likeliest tokens, the likeliest first
	Finish  string      // why this is the last one: Stop or Length; "" for the others

	norm   float64 // the logarithm of the sum of all
	reused int     // tokens of the prompt that were not computed again
}

// Candidate is a token with its logarithm of probability.
type Candidate struct {
	ID      int32
	LogProb float32
}

// Reasons to finish, in OpenAI's words.
const (
	Stop   = "stop"   // an end token or a stop string
	Length = "length" // as many tokens as were asked for, or as fit
)

// logprobs keeps the n likeliest tokens of logits (V).
func (t *Token) logprobs(logits []float32, n int) {
	sum, top := 0.0, float64(slices.Max(logits))
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	t.norm = top + math.Log(sum)
	for i, x := range logits {
		c := Candidate{int32(i), float32(float64(x) - t.norm)}
		at, _ := slices.BinarySearchFunc(t.Tops, c, func(a, b Candidate) int {
			if a.LogProb >= b.LogProb {
				return -1
			}
			return 1
		})
		if at < n {
			t.Tops = slices.Insert(t.Tops, at, c)
			t.Tops = t.Tops[:min(n, len(t.Tops))]
		}
	}
}

// mailbox carries tokens to who asked for them, however slow that is.
type mailbox struct {
	mu     sync.Mutex
	tokens []Token
	err    error
	filled chan struct{} // holds one value while there may be something to take
}

func newMailbox() mailbox { return mailbox{filled: make(chan struct{}, 1)} }

func (m *mailbox) send(t Token) {
	m.mu.Lock()
	m.tokens = append(m.tokens, t)
	m.mu.Unlock()
	m.wake()
}

// fail ends it: nothing follows.
func (m *mailbox) fail(err error) {
	m.mu.Lock()
	m.err = err
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) wake() {
	select {
	case m.filled <- struct{}{}:
	default:
	}
}

// take returns what has come since, and the error after the last token.
func (m *mailbox) take(ctx context.Context) ([]Token, error) {
	select {
	case <-m.filled:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.tokens
	m.tokens = nil
	if len(list) > 0 && m.err != nil {
		m.wake()
		return list, nil
	}
	return list, m.err
}
