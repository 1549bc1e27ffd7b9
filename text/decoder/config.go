package decoder

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// config is a decoder's shape.
type config struct {
	vocab     int // V
	positions int // the longest sequence
	width     int // C
	layers    int
	heads     int
	kvHeads   int // heads/kvHeads query heads share one head of keys and values
	head      int // D, elements of a head
	hidden    int // the MLP's width
	act       tensor.Act
	gated     bool // act(gate(x))·up(x) comes before the MLP's second layer
	rms       bool // norms are RMSNorm, without a bias
	eps       float32
	scale     float32 // of the scores
	byLayer   bool    // layer i's scores are also divided by i + 1
	post      bool    // norms come after the sums, and after the embedding: BART
	bare      bool    // there is none after the embedding all the same
	before    int     // rows of a table of positions before position 0
	waves     bool    // that table is not learned: sines and cosines
	unplaced  *int32  // the token whose place is in no way told, where a table is of waves
	magnify   float64 // of the embedding before positions are added; 0: 1
	rope      rope    // zero: positions are a learned table, or
	relative  *relative
	windows   []int // of the layers: how many tokens back each looks, itself counted, 0: all; nil: all
	sinks     int   // and how many of the first tokens, whatever the window
	shrink    int   // logits are divided by its root; 0: by 1
	qkvBias   bool
	projBias  bool
	mlpBias   bool
	tied      bool // the head may be the table of tokens
	headBias  bool
	eos       tokenIDs
	ends      bool // eos counts, whatever generation_config.json says
	forced    forced
	encoder   *encoderConfig // nil: the prompt is the beginning of the text
	states    int            // columns of the states that another model's encoder makes and this one attends to; 0: none
	project   bool           // they are brought to the decoder's width first
	transform bool           // a layer and a norm come before the head: BERT
	start     int32          // the token that the decoder of an encoder-decoder begins with
}

// forced are tokens that come first and last whatever the logits are; nil: none.
type forced struct{ first, last *int32 }

// family says how a folder describes a decoder.
type family struct {
	read   func(raw []byte) (config, error)
	layout func(src weights.Source, c config) weights.Layout
}

// families by model_type of config.json.
var families = map[string]family{
	"gpt2":    {readGPT2, gpt2Layout},
	"mistral": {readMistral, llamaLayout},
	"llama":   {readLlama, llamaLayout},
	"qwen2":   {readQwen2, llamaLayout},
	"bart":    {readBART, bartLayout},
	"t5":      {readT5, t5Layout},
	"mt5":     {readMT5, t5Layout},
}

// Knows tells whether a folder that says it is of this family is a decoder.
func Knows(name string) bool { _, ok := families[name]; return ok }

// check refuses sizes that cannot be meant, before anything is made of them.
func (c config) check() error {
	for _, f := range []struct {
		key      string
		n, limit int
	}{
		{"vocab_size", c.vocab, 1 << 24}, {"max_position_embeddings", c.positions, 1 << 24},
		{"hidden_size", c.width, 1 << 16}, {"num_hidden_layers", c.layers, 1 << 10},
		{"num_attention_heads", c.heads, 1 << 12}, {"num_key_value_heads", c.kvHeads, 1 << 12},
		{"head_dim", c.head, 1 << 12}, {"intermediate_size", c.hidden, 1 << 18},
	} {
		if f.n < 1 || f.n > f.limit {
			return fmt.Errorf("decoder: config.json: %s is %d, want 1 to %d", f.key, f.n, f.limit)
		}
	}
	if c.heads%c.kvHeads != 0 {
		return fmt.Errorf("decoder: config.json: num_attention_heads %d is not a multiple of num_key_value_heads %d", c.heads, c.kvHeads)
	}
	if c.eps <= 0 || c.eps > 1 {
		return fmt.Errorf("decoder: config.json: the norms' epsilon is %g, want more than 0 and at most 1", c.eps)
	}
	return nil
}

// window is how far a layer looks back.
func (c config) window(layer int) (tokens, sinks int) {
	if layer >= len(c.windows) || c.windows[layer] == 0 {
		return 0, 0
	}
	return c.windows[layer], c.sinks
}

// narrow makes layers look back no farther than a window, and at the first tokens.
func (c *config) narrow(window, sinks int) error {
	switch {
	case window == 0 && sinks == 0:
		return nil
	case window < 1 || sinks < 0:
		return fmt.Errorf("decoder: a window of %d tokens with %d sinks; want a window of 1 or more", window, sinks)
	case c.crosses():
		return errors.New("decoder: an encoder-decoder has no window")
	}
	all := make([]int, c.layers)
	for i := range all {
		all[i] = window
		if own, _ := c.window(i); own > 0 {
			all[i] = min(own, window)
		}
	}
	c.windows, c.sinks = all, sinks
	return nil
}

// crosses tells whether tokens attend to a source too.
func (c config) crosses() bool { return c.encoder != nil || c.states > 0 }

// columns are those of queries, and of keys or values, in a projection.
func (c config) columns() (q, kv int) { return c.heads * c.head, c.kvHeads * c.head }

// tokenIDs is one id or a list of them in JSON.
type tokenIDs []int32

// UnmarshalJSON reads 2, [2, 7] or null.
func (t *tokenIDs) UnmarshalJSON(raw []byte) error {
	var one *int32
	if json.Unmarshal(raw, &one) == nil {
		*t = nil
		if one != nil {
			*t = tokenIDs{*one}
		}
		return nil
	}
	return json.Unmarshal(raw, (*[]int32)(t))
}

// first is the first of the ids, nil if there is none.
func (t tokenIDs) first() *int32 {
	if len(t) == 0 {
		return nil
	}
	return &t[0]
}

// refuse names a key whose value is not implemented.
func refuse(key string, value any, instead string) error {
	return fmt.Errorf("decoder: config.json: %s %v is not supported; %s", key, value, instead)
}
