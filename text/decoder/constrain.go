package decoder

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sort"

	"github.com/emblem-search/emblem/internal/grammar"
	"github.com/emblem-search/emblem/text"
)

// vocabulary is the tokens that add something to a text, in the order of their bytes.
type vocabulary struct {
	ids   []int32
	texts [][]byte
}

func newVocabulary(t *text.Tokenizer, size int) *vocabulary {
	v := &vocabulary{}
	all := make([][]byte, size)
	for id := range int32(size) {
		if all[id] = t.TokenBytes(id); len(all[id]) > 0 {
			v.ids = append(v.ids, id)
		}
	}
	slices.SortFunc(v.ids, func(a, b int32) int { return bytes.Compare(all[a], all[b]) })
	for _, id := range v.ids {
		v.texts = append(v.texts, all[id])
	}
	return v
}

// constraint keeps what is generated within a grammar: tokens that lead out of it are
// impossible.
type constraint struct {
	words *vocabulary
	m     *grammar.Machine
	state grammar.State
	masks map[grammar.State][]uint64 // tokens that may follow, as bits
}

// mostMasks bounds what a constraint remembers, some kB each.
const mostMasks = 256

func newConstraint(words *vocabulary, g *grammar.Grammar) *constraint {
	c := &constraint{words: words, m: g.Machine(), masks: map[grammar.State][]uint64{}}
	c.state = c.m.Start()
	return c
}

// errStuck says that a grammar goes on with bytes that no token has.
var errStuck = errors.New("decoder: no token of the vocabulary goes on with what the schema asks for")

// apply makes the tokens impossible that must not follow; eos may where the text may
// end.
func (c *constraint) apply(logits []float32, eos []int32) error {
	mask, ok := c.masks[c.state]
	if !ok {
		mask = make([]uint64, (len(logits)+63)/64)
		c.walk(mask, c.state, 0, len(c.words.ids), 0)
		if len(c.masks) >= mostMasks {
			clear(c.masks)
		}
		c.masks[c.state] = mask
	}
	done, stuck := c.m.Done(c.state), true
	for i := range logits {
		if mask[i/64]>>(i%64)&1 == 1 || done && slices.Contains(eos, int32(i)) {
			stuck = false
		} else {
			logits[i] = float32(math.Inf(-1))
		}
	}
	if stuck {
		return errStuck
	}
	return nil
}

// walk marks those of the tokens lo to hi that may follow; s is the state after their
// first n bytes, which they share.
func (c *constraint) walk(mask []uint64, s grammar.State, lo, hi, n int) {
	for ; lo < hi && len(c.words.texts[lo]) == n; lo++ {
		id := c.words.ids[lo]
		mask[id/64] |= 1 << (id % 64)
	}
	for lo < hi {
		b := c.words.texts[lo][n]
		end := lo + sort.Search(hi-lo, func(i int) bool { return c.words.texts[lo+i][n] > b })
		if to := c.m.Next(s, b); to != 0 {
			c.walk(mask, to, lo, end, n+1)
		}
		lo = end
	}
}

// accept moves on by a token that was chosen; true says that the text is complete.
func (c *constraint) accept(t *text.Tokenizer, id int32) bool {
	for _, b := range t.TokenBytes(id) {
		c.state = c.m.Next(c.state, b)
	}
	return c.m.Ended(c.state)
}

// constrain makes the constraint that a request asks for, if any.
func (d *Decoder) constrain(schema []byte) (*constraint, error) {
	if len(schema) == 0 {
		return nil, nil
	}
	if d.noText != nil {
		return nil, d.noText
	}
	g, err := grammar.Compile(schema)
	if err != nil {
		return nil, wrong("schema", "%s", err)
	}
	return newConstraint(d.words(), g), nil
}
