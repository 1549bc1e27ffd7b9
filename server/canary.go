package server

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"github.com/emblem-search/emblem/vit"
)

// canary finds out whether a model still answers, by embedding a word and a
// picture beside the queues: a full queue is no illness. One runs at a time, and
// its finding counts for a while, so that nobody can load the machine by asking.
type canary struct {
	model Embedder

	mu    sync.Mutex
	at    time.Time
	took  time.Duration // that the last one sang
	found error
}

func (c *canary) check(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < canaryAge {
		return c.found
	}
	r, comes := c.model.(Resident)
	if comes {
		if !r.Memory().Loaded {
			return nil // it has nothing to say, and nobody is to be driven out for it
		}
		ctx = r.Quiet(ctx)
	}
	err := c.sing(ctx)
	if comes && !r.Memory().Loaded {
		return nil // it went meanwhile
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // says nothing of the model
	}
	c.at, c.found = time.Now(), err
	return err
}

func (c *canary) sing(ctx context.Context) (err error) {
	start := time.Now()
	defer func() {
		c.took = time.Since(start)
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	words, err := c.words(ctx)
	if err != nil {
		return err
	}
	pixels, err := c.model.Preprocess(image.NewGray(image.Rect(0, 0, 8, 8)))
	if err != nil {
		return err
	}
	pictures, err := c.model.EmbedPixels(ctx, []vit.Pixels{pixels})
	if err != nil {
		return err
	}
	return errors.Join(isUnit(words), isUnit(pictures))
}

// words embeds a word, if the model knows any.
func (c *canary) words(ctx context.Context) ([][]float32, error) {
	if w, ok := c.model.(Wordless); ok && w.PicturesOnly() {
		return nil, nil
	}
	ids, _, err := c.model.EncodeText("a canary")
	if err != nil {
		return nil, err
	}
	return c.model.EmbedTokens(ctx, [][]int32{ids})
}

// isUnit says what is wrong with the vectors of a canary.
func isUnit(vectors [][]float32) error {
	for _, v := range vectors {
		if n := dot(v, v); !(n > 0.99 && n < 1.01) {
			return fmt.Errorf("a vector's length is %g", n)
		}
	}
	return nil
}
