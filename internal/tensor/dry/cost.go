package dry

import (
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Price is what an op costs.
type Price struct {
	// FLOPs counts a multiply-add of a Linear or an Attention as two, and every
	// other op as one per element written: biases, activations and the softmax
	// are not counted, and neither is what a mask saves, as is usual.
	FLOPs int
	// Bytes counts every operand as read or written once: what no cache saves.
	Bytes int
}

// Cost is the price of an op. An op that the package does not know is an error.
func Cost(op tensor.Op) (Price, error) {
	u, err := uses(op)
	if err != nil {
		return Price{}, err
	}
	p := Price{FLOPs: u.written.Len(), Bytes: bytes(u.written)}
	switch o := op.(type) {
	case *tensor.Linear:
		p.FLOPs = 2 * o.Y.Rows() * o.W.Out() * o.W.In()
		p.Bytes += o.W.Bytes()
	case *tensor.Attention: // scores, then the sum over the values
		p.FLOPs = 4 * o.Q.Len() * o.Keys()
		if o.Pages.Ok() {
			p.Bytes += 2 * o.Q.Dim(0) * o.Keys() * o.K.Cols() * o.K.DType().Size()
		}
	case *tensor.Scatter: // some rows of y
		p = Price{o.X.Len(), o.X.Len() * o.Y.DType().Size()}
	case *tensor.Rope: // a row of both tables for each position
		p.Bytes += 2 * 4 * o.Cos.Cols() * min(o.Cos.Rows(), max(o.At.Len(), o.X.Dim(-2)))
	case *tensor.Merge: // every even token with every odd one
		p.FLOPs += o.X.Rows() * o.X.Dim(1) / 2 * (o.Keys.Cols() / o.Heads)
	case *tensor.Prune:
		p.FLOPs += 2 * o.K.Len()
	case *tensor.Embed: // rows of the table, not all of it
		p.Bytes += o.Y.Len() * o.Table.DType().Size()
	}
	for _, t := range u.read {
		p.Bytes += bytes(t)
	}
	return p, nil
}

// Name is what a table calls an op: its type in lower case.
func Name(op tensor.Op) string {
	s := fmt.Sprintf("%T", op)
	return strings.ToLower(s[strings.LastIndexByte(s, '.')+1:])
}

// operands are an op's tensors; absent ones count nothing.
type operands struct {
	read     []tensor.Tensor // whole
	gathered []tensor.Tensor // in part
	written  tensor.Tensor
}

func (u operands) all() []tensor.Tensor {
	return append(append([]tensor.Tensor{u.written}, u.read...), u.gathered...)
}

func uses(op tensor.Op) (operands, error) {
	read := func(t ...tensor.Tensor) []tensor.Tensor { return t }
	switch o := op.(type) {
	case *tensor.Linear:
		return operands{read: read(o.X, o.Bias, o.Res), written: o.Y}, nil
	case *tensor.Attention:
		if o.Pages.Ok() {
			return operands{read: read(o.Q, o.Lens, o.Pages, o.Bias), gathered: read(o.K, o.V), written: o.Y}, nil
		}
		return operands{read: read(o.Q, o.K, o.V, o.Lens, o.Sizes, o.Bias), written: o.Y}, nil
	case *tensor.LayerNorm:
		return operands{read: read(o.X, o.W, o.B), written: o.Y}, nil
	case *tensor.RMSNorm:
		return operands{read: read(o.X, o.W), written: o.Y}, nil
	case *tensor.Rope:
		return operands{read: read(o.X, o.At), gathered: read(o.Cos, o.Sin), written: o.Y}, nil
	case *tensor.Embed:
		return operands{read: read(o.IDs, o.Add), gathered: read(o.Table), written: o.Y}, nil
	case *tensor.Scatter:
		return operands{read: read(o.X, o.At), written: o.Y}, nil
	case *tensor.Patchify:
		return operands{read: read(o.X), written: o.Y}, nil
	case *tensor.Unary:
		return operands{read: read(o.X), written: o.Y}, nil
	case *tensor.GLU:
		return operands{read: read(o.X), written: o.Y}, nil
	case *tensor.Copy:
		return operands{read: read(o.X), written: o.Y}, nil
	case *tensor.Normalize:
		return operands{read: read(o.X), written: o.Y}, nil
	case *tensor.MeanPool:
		return operands{read: read(o.X, o.Lens, o.Sizes), written: o.Y}, nil
	case *tensor.Merge:
		return operands{read: read(o.X, o.Keys, o.Sizes, o.YSizes), written: o.Y}, nil
	case *tensor.Prune:
		return operands{read: read(o.X, o.K), gathered: read(o.Q), written: o.Y}, nil
	}
	return operands{}, fmt.Errorf("dry: no rule for op %T; add one to its uses", op)
}

func bytes(t tensor.Tensor) int { return t.Len() * t.DType().Size() }
