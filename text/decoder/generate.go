package decoder

import (
	"context"
	"fmt"
)

// Request says what is to follow a prompt. Its zero value takes the likeliest tokens;
// [Decoder.Defaults] is what the model's folder asks for.
type Request struct {
	Sampling
	MaxTokens int      // at most; 0: what the folder says, else 256. The context's end ends it too
	Stop      []string // strings that end it, for Complete
	Schema    []byte   // a JSON Schema that what follows has to be of; none: anything may follow
	Inserts   []Insert // embeddings in the place of tokens of the prompt, in order
	Source    *Source  // what a decoder attends to whose encoder is another model; none for others
	LogProbs  bool     // report probabilities
	Tops      int      // with so many of the likeliest tokens, at most 100
}

// Usage counts tokens.
type Usage struct {
	Prompt    int
	Cached    int // of the prompt, that were computed for an earlier one
	Generated int
}

// A TooLongError says that a prompt leaves no room to generate anything.
type TooLongError struct {
	Tokens, Limit int
	Apart         bool // what is generated does not count: an encoder-decoder
}

func (e *TooLongError) Error() string {
	if e.Apart {
		return fmt.Sprintf("the prompt has %d tokens and the model reads %d; shorten it", e.Tokens, e.Limit)
	}
	return fmt.Sprintf("the prompt has %d tokens and the model reads %d, of which one at least must be left to generate; shorten it", e.Tokens, e.Limit)
}

// A RequestError says what is wrong with a request.
type RequestError struct {
	Param   string // prompt, temperature, top_k, …
	Message string
}

func (e *RequestError) Error() string { return e.Message }

func wrong(param, format string, args ...any) error {
	return &RequestError{param, fmt.Sprintf(format, args...)}
}

// defaultTokens follow a prompt where neither the request nor the folder says how
// many.
const defaultTokens = 256

// Defaults is what the folder's generation_config.json asks for.
func (d *Decoder) Defaults() Request {
	return Request{Sampling: d.generation.sampling, MaxTokens: d.generation.maxTokens}
}

// Generate continues token ids and calls each with every token that follows, the end
// token included. An error of each, or the end of ctx, ends it within a token.
func (d *Decoder) Generate(ctx context.Context, prompt []int32, r Request, each func(Token) error) (Usage, error) {
	q, err := d.sequence(prompt, r)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Prompt: len(prompt)}
	err = d.follow(ctx, q, &u, each)
	return u, err
}

// follow has a sequence computed and calls each with its tokens.
func (d *Decoder) follow(ctx context.Context, q *sequence, u *Usage, each func(Token) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q.ctx = ctx
	if err := d.turns.submit(q); err != nil {
		return err
	}
	for {
		tokens, err := q.out.take(ctx)
		for _, t := range tokens {
			if ctx.Err() != nil {
				return context.Cause(ctx) // the rest was generated before anybody knew
			}
			u.Cached, u.Generated = t.reused, u.Generated+1
			if err := each(t); err != nil || t.Finish != "" {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// sequence checks a request.
func (d *Decoder) sequence(prompt []int32, r Request) (*sequence, error) {
	if len(prompt) == 0 {
		return nil, wrong("prompt", "the prompt is empty and the model has no token to begin with; write something")
	}
	apart := d.net.config.encoder != nil
	if len(prompt) > d.Positions() || len(prompt) == d.Positions() && !apart {
		return nil, &TooLongError{len(prompt), d.Positions(), apart}
	}
	for i, id := range prompt {
		if id < 0 || int(id) >= d.Vocabulary() {
			return nil, wrong("prompt", "token %d of the prompt is %d, and the model knows tokens 0 to %d", i, id, d.Vocabulary()-1)
		}
	}
	if err := d.checkInserts(r.Inserts, len(prompt)); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	switch {
	case r.MaxTokens < 0:
		return nil, wrong("max_tokens", "%d tokens cannot be generated", r.MaxTokens)
	case r.Tops < 0 || r.Tops > 100:
		return nil, wrong("logprobs", "%d of the likeliest tokens, want 0 to 100", r.Tops)
	}
	most := r.MaxTokens
	if most == 0 {
		if most = d.generation.maxTokens; most == 0 {
			most = defaultTokens
		}
	}
	q := &sequence{
		ids: append([]int32(nil), prompt...), inserts: r.Inserts, eos: d.generation.eos, forced: d.generation.forced, limits: d.generation.limits, tokenizer: d.tokenizer, sampling: r.Sampling, tops: -1, out: newMailbox(),
	}
	if apart {
		q.source, q.ids = q.ids, []int32{d.generation.start}
		q.origin = origin(q.source)
		q.last = q.origin
	}
	if err := d.attend(q, r.Source); err != nil {
		return nil, err
	}
	var err error
	if q.constraint, err = d.constrain(r.Schema); err != nil {
		return nil, err
	}
	q.prompt = len(q.ids)
	q.most = min(most, d.Positions()-q.prompt)
	if r.LogProbs {
		q.tops = r.Tops
	}
	return q, nil
}
