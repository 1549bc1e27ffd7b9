package decoder

import (
	"context"
	"slices"
)

// Score says how likely tokens are to follow a prompt: the logarithm of the
// probability of each, after the prompt and those before it. What the prompt has in
// common with earlier ones is not computed again. r.Inserts are the prompt's, r.Source
// is what the model attends to besides; the rest of r does not matter.
func (d *Decoder) Score(ctx context.Context, prompt, next []int32, r Request) ([]float32, error) {
	if len(next) == 0 {
		return nil, nil
	}
	all := append(append([]int32(nil), prompt...), next[:len(next)-1]...) // nothing follows the last one
	q, err := d.sequence(all, Request{Inserts: r.Inserts, Source: r.Source})
	if err != nil {
		return nil, err
	}
	switch {
	case q.source != nil:
		return nil, wrong("prompt", "only models that continue their prompt weigh what may follow it")
	case len(prompt) == 0:
		return nil, wrong("prompt", "the prompt is empty")
	}
	if id := next[len(next)-1]; id < 0 || int(id) >= d.Vocabulary() {
		return nil, wrong("prompt", "token %d is not one of 0 to %d", id, d.Vocabulary()-1)
	}
	q.scored, q.prompt = next, len(prompt)
	var out []float32
	err = d.follow(ctx, q, &Usage{}, func(t Token) error { out = append(out, t.LogProb); return nil })
	return out, err
}

// score takes the logits (V) of the i-th of the tokens that are weighed. A sequence
// that had to begin anew comes by tokens that were told already.
func (q *sequence) score(i int, logits []float32) (finished bool) {
	if i < q.told {
		return false
	}
	q.told++
	id := q.scored[i]
	t := Token{ID: id, reused: q.reused}
	t.logprobs(logits, 0)
	t.LogProb = float32(float64(logits[id]) - t.norm)
	if q.told == len(q.scored) {
		t.Finish = Stop
	}
	q.out.send(t)
	return t.Finish != ""
}

// Ends are the tokens that end a text.
func (d *Decoder) Ends() []int32 { return slices.Clone(d.generation.eos) }
