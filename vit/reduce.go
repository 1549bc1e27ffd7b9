package vit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Reduce makes a picture's sequence shorter on its way through the blocks, which is
// faster and not exact. The zero value leaves it as it is.
type Reduce struct {
	// Merge is how many patches each block merges into those most like them, at most
	// half of what is left: ToMe (arXiv 2210.09461).
	Merge int
	// Keep is the share of patches, over 0 and under 1, that the class token looks at
	// most; the others become one, after a quarter, a half and three quarters of the
	// blocks: EViT (arXiv 2202.07800).
	Keep float64
	// Patches is the budget of a model that keeps a picture's shape, in place of its
	// own; such models were trained with many (SigLIP 2 NaFlex).
	Patches int
}

// ParseReduce reads none, merge:R, prune:SHARE or patches:N.
func ParseReduce(s string) (Reduce, error) {
	kind, value, _ := strings.Cut(s, ":")
	switch kind {
	case "", "none":
		if value == "" {
			return Reduce{}, nil
		}
	case "merge", "patches":
		if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= maxTokens {
			if kind == "patches" {
				return Reduce{Patches: n}, nil
			}
			return Reduce{Merge: n}, nil
		}
	case "prune":
		if x, err := strconv.ParseFloat(value, 64); err == nil && x > 0 && x < 1 {
			return Reduce{Keep: x}, nil
		}
	}
	return Reduce{}, fmt.Errorf("%q is none of none, merge:R (R patches a block, such as merge:8), prune:SHARE (the share that stays, such as prune:0.7) and patches:N (the budget of a model that keeps shapes)", s)
}

func (r Reduce) String() string {
	switch {
	case r.Merge > 0:
		return fmt.Sprintf("merge:%d", r.Merge)
	case r.Keep > 0:
		return fmt.Sprintf("prune:%v", r.Keep)
	case r.Patches > 0:
		return fmt.Sprintf("patches:%d", r.Patches)
	}
	return "none"
}

// check tells whether a model of that shape can be reduced so.
func (r Reduce) check(c config) error {
	switch {
	case r == Reduce{}:
		return nil
	case r.Patches > 0 && !c.flex:
		return fmt.Errorf("vit: reduce %v: the model's pictures always have the same number of patches; use merge:R", r)
	case r.Patches == 0 && c.flex:
		return fmt.Errorf("vit: reduce %v: the model takes pictures of any shape and has a budget of patches instead; use patches:N", r)
	case c.rope.theta > 0 && r.Patches == 0:
		return fmt.Errorf("vit: reduce %v: the model turns patches by their place, which merged ones have not", r)
	case r.Keep > 0 && !c.class:
		return fmt.Errorf("vit: reduce %v: the model has no class token, which says what to keep; use merge:R", r)
	}
	return nil
}

// at is how block i of n makes a sequence shorter, if it does.
func (r Reduce) at(i, n, lead int) nn.Shorten {
	if r.Keep > 0 && i != n/4 && i != n/2 && i != 3*n/4 {
		return nn.Shorten{Lead: lead}
	}
	return nn.Shorten{Lead: lead, Merge: r.Merge, Keep: r.Keep}
}

// lengths are those of the sequence of l tokens that each block is given, and of what
// the last one leaves.
func (n *net) lengths(l int) []int {
	all := []int{l}
	for i := range n.Blocks {
		l = n.reduce.at(i, len(n.Blocks), n.config.lead()).Left(l)
		all = append(all, l)
	}
	return all
}

// shorter runs all blocks on x (B, L, C), F32, which it overwrites, and returns what
// is left of it with how many tokens each stands for.
func (n *net) shorter(s *tensor.Stream, x tensor.Tensor) (tensor.Tensor, nn.Mask) {
	var m nn.Mask
	b, l := x.Dim(0), x.Dim(1)
	spare := s.New(tensor.F32, x.Shape()...) // (B, L, C)
	sizes := [2]tensor.Tensor{s.NewDense(tensor.F32, b*l), s.NewDense(tensor.F32, b*l)}
	n.blocks(s, x, 0, m)
	for i, left := range n.lengths(l)[1:] {
		if left == x.Dim(1) {
			n.Blocks[i].Forward(s, x, m)
			continue
		}
		y, ySizes := nn.Rows(spare, left), sizes[0].Slice(0, b*left).Reshape(b, left)
		n.Blocks[i].ForwardShorter(s, x, m, n.reduce.at(i, len(n.Blocks), n.config.lead()), y, ySizes)
		if x, spare = y, x; n.reduce.Merge > 0 {
			m.Sizes = ySizes
		}
		sizes[0], sizes[1] = sizes[1], sizes[0]
	}
	return x, m
}
