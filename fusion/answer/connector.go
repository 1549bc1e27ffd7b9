package answer

import (
	"context"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// connector brings features of a tower into the space of a decoder's embeddings.
type connector struct {
	*part
	net connectorNet
}

// connectorNet is one linear layer, or two with an activation between them.
type connectorNet struct {
	FC1 nn.Linear `weight:"fc1"` // (C, In)
	FC2 nn.Linear `weight:"fc2"` // (C, C), or none

	act tensor.Act
}

// loadConnector reads a connector's weights from a folder.
func loadConnector(f folder, make func(nn.Precision) connectorNet, l weights.Layout) (*connector, error) {
	c := &connector{}
	var err error
	c.part, err = f.part("connector.", l, func(p nn.Precision) any {
		c.net = make(p)
		return &c.net
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// forward brings features (N, In) to embeddings (N, C).
func (c *connector) forward(ctx context.Context, features []float32) ([]float32, error) {
	in, out := c.net.FC1.Weight.In, c.net.FC1.Weight.Out
	n := len(features) / in
	y := make([]float32, n*out)
	err := c.run(ctx, func(s *tensor.Stream) error {
		x, e := s.NewDense(tensor.F32, n, in), s.NewDense(tensor.F32, n, out) // (N, In), (N, C)
		tensor.Put(s, x, features)
		if c.net.FC2.Ok() {
			h := s.New(s.Activations(c.net.FC2.Weight.Kind), n, out) // (N, C)
			c.net.FC1.Forward(s, x, c.net.act, tensor.Tensor{}, h)
			c.net.FC2.Forward(s, h, tensor.NoAct, tensor.Tensor{}, e)
		} else {
			c.net.FC1.Forward(s, x, tensor.NoAct, tensor.Tensor{}, e)
		}
		return tensor.Get(s, y, e)
	})
	return y, err
}
