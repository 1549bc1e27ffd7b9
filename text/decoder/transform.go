package decoder

import (
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
)

// transform is what BERT does to a state before its head.
type transform struct {
	FC   nn.Linear `weight:"fc"` // (C, C)
	Norm norm      `weight:"norm"`

	act tensor.Act
}

func newTransform(c config, p nn.Precision) transform {
	if !c.transform {
		return transform{}
	}
	return transform{FC: nn.NewLinear(c.width, c.width, true, p.Block), Norm: newNorm(c), act: c.act}
}

// forward changes x (R, C), F32.
func (t *transform) forward(s *tensor.Stream, x tensor.Tensor) {
	if !t.Norm.ok() {
		return
	}
	defer s.Release(s.Mark())
	h := s.New(tensor.F32, x.Shape()...) // (R, C)
	t.FC.Forward(s, x, t.act, tensor.Tensor{}, h)
	t.Norm.forward(s, h, x)
}
