package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor/dry"
	"github.com/emblem-search/emblem/text/decoder"
)

const (
	defaultPrompt = 87 // tokens: a picture of one tile and a short question to SmolVLM
	stretch       = 64 // tokens that follow a prompt before it begins anew, so that its length stays what was asked
)

// speaker is a language model, and what makes it speak.
type speaker struct {
	*decoder.Decoder
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Close ends all that is being generated.
func (s *speaker) Close() error {
	s.stop()
	s.running.Wait()
	s.Decoder.Close()
	return nil
}

// loadDecoder opens the folder and returns a pass: the first token after new prompts,
// or the next token of sequences that go on from pass to pass.
func (a Arch) loadDecoder(ctx context.Context, dir string, o Options) (encoder, func() error, error) {
	d, err := decoder.Load(ctx, dir, decoder.Options{Device: o.Device, DType: o.DType})
	if err != nil {
		return nil, nil, err
	}
	s, r := &speaker{Decoder: d}, rand.New(rand.NewPCG(7, 8))
	ctx, s.stop = context.WithCancel(ctx)
	if a.steps {
		return s, s.steps(ctx, a.prompts(r, o)), nil
	}
	return s, func() error { return s.follow(ctx, a.prompts(r, o), 1) }, nil
}

// prompts are random tokens.
func (a Arch) prompts(r *rand.Rand, o Options) [][]int32 {
	all := make([][]int32, o.Batch)
	for i := range all {
		all[i] = make([]int32, o.Tokens)
		for j := range all[i] {
			all[i][j] = int32(r.IntN(a.vocab))
		}
	}
	return all
}

// follow generates n tokens after each of some prompts, none of which was seen before.
func (s *speaker) follow(ctx context.Context, prompts [][]int32, n int) error {
	failed := make([]error, len(prompts))
	var all sync.WaitGroup
	for i, p := range prompts {
		all.Go(func() {
			u, err := s.Generate(ctx, p, decoder.Request{MaxTokens: n}, func(decoder.Token) error { return nil })
			if err == nil && u.Cached > 0 {
				err = fmt.Errorf("bench: %d of %d tokens of a prompt were known", u.Cached, u.Prompt)
			}
			failed[i] = err
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// steps lets all sequences go on at once; a pass waits for one more token of each.
func (s *speaker) steps(ctx context.Context, prompts [][]int32) func() error {
	tokens := make([]chan error, len(prompts))
	for i, p := range prompts {
		tokens[i] = make(chan error)
		s.running.Go(func() { s.speak(ctx, p, tokens[i]) })
	}
	return func() error {
		for _, c := range tokens {
			if err := <-c; err != nil {
				return err
			}
		}
		return nil
	}
}

// speak sends nil for every token after a prompt, again and again, until ctx ends.
func (s *speaker) speak(ctx context.Context, prompt []int32, tokens chan<- error) {
	tell := func(err error) error {
		select {
		case tokens <- err:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for ctx.Err() == nil {
		_, err := s.Generate(ctx, prompt, decoder.Request{MaxTokens: stretch}, func(decoder.Token) error { return tell(nil) })
		if err != nil && tell(err) != nil {
			return
		}
	}
}

// decoderFLOPs counts the work of the first token after new prompts, or of the second,
// on the backend that counts.
func (a Arch) decoderFLOPs(ctx context.Context, dir string, o Options, counter *dry.Backend) (int, error) {
	whole := a
	whole.steps = false
	e, _, err := whole.loadDecoder(ctx, dir, o)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	var work [2]int
	r := rand.New(rand.NewPCG(9, 10))
	for i := range work {
		counter.Reset()
		if err := e.(*speaker).follow(ctx, a.prompts(r, o), i+1); err != nil {
			return 0, err
		}
		work[i] = counter.Report().FLOPs
	}
	if a.steps {
		return work[1] - work[0], nil
	}
	return work[0], nil
}
