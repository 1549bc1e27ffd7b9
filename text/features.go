package text

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/emblem-search/emblem/internal/nn"
)

// Features encodes texts into what goes into the last linear layer of the projection
// into the space that is shared with pictures. A model without one has the same
// features as vectors.
func (e *Encoder) Features(ctx context.Context, texts [][]int32) ([][]float32, error) {
	if err := e.Ready(); err != nil {
		return nil, err
	}
	bare, n := *e, *e.net
	if n.Head.Ok() {
		n.config.out, n.Head = n.Head.Weight.In, nn.Linear{}
	}
	bare.net = &n
	return bare.Embed(ctx, texts)
}

// Vocabulary is the number of tokens that the model has an embedding of.
func (e *Encoder) Vocabulary() int { return e.net.config.vocab }

// Families lists the families that LoadEncoder knows.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

// poolings are the names of what stands for a text.
var poolings = map[pooling]string{
	poolMax: "first of the highest ids", poolEOS: "first end of text", poolLast: "last position", poolFirst: "first position", poolMean: "mean",
}

// Rules says what the model does with a text's tokens, as far as models of one shape
// differ in it.
type Rules struct {
	Activation string `json:"activation"`
	Pooling    string `json:"pooling"`
	Padding    string `json:"padding"`
	Causal     bool   `json:"causal"`
}

// Rules are the model's.
func (e *Encoder) Rules() Rules {
	c := e.net.config
	r := Rules{Activation: c.act.String(), Pooling: poolings[c.pool], Causal: c.causal, Padding: fmt.Sprintf("token %d up to %d tokens", c.pad, c.positions)}
	if c.class {
		r.Pooling = "class token"
	}
	switch {
	case c.blind:
		r.Padding = fmt.Sprintf("token %d, not seen", c.pad)
	case c.trims():
		r.Padding = "none: nothing sees what follows the end"
	}
	return r
}

// CheckTokens says of a text's ids, special tokens included, what the model cannot
// make sense of: ids without an embedding, or nothing to pool by.
func (e *Encoder) CheckTokens(ids []int32) error {
	c := e.net.config
	for _, id := range ids {
		if id < 0 || int(id) >= c.vocab {
			return fmt.Errorf("text: the tokenizer makes token %d, and the model has embeddings of %d", id, c.vocab)
		}
	}
	if c.pool == poolEOS && !slices.Contains(ids, int32(c.eos)) {
		return fmt.Errorf("text: the model looks for token %d, the end of a text, and the tokenizer ends texts with %d", c.eos, ids[len(ids)-1])
	}
	if c.pool == poolMax && slices.Max(ids) != ids[len(ids)-1] {
		return fmt.Errorf("text: the model looks for the highest token as the end of a text, and the tokenizer ends texts with %d", ids[len(ids)-1])
	}
	return nil
}
