package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// connector brings features of a tower into the space of a decoder's embeddings.
type connector struct {
	net    connectorNet
	pool   *tensor.Pool
	lane   tensor.Lane
	params int
	names  []string // of the weights, and where each comes from
}

// connectorNet is one linear layer, or two with an activation between them.
type connectorNet struct {
	FC1 nn.Linear `weight:"fc1"` // (C, In)
	FC2 nn.Linear `weight:"fc2"` // (C, C), or none

	act tensor.Act
}

// loadConnector reads a connector's weights from a folder.
func loadConnector(f folder, make func(nn.Precision) connectorNet, l weights.Layout) (*connector, error) {
	dev, err := device.Open(f.options.Device)
	if err != nil {
		return nil, err
	}
	precision, err := nn.NewPrecision(dev, f.options.DType)
	if err != nil {
		return nil, err
	}
	set, err := f.Open(f.config.Stems...)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	c := &connector{net: make(precision), pool: dev.NewPool()}
	if f.options.Bulk {
		c.lane = tensor.Bulk
	}
	plan, err := weights.Match(set, l, &c.net)
	if err == nil {
		err = plan.Load(c.pool)
	}
	if err != nil {
		c.pool.Close()
		return nil, err
	}
	c.params = plan.Parameters()
	for _, b := range plan.Bindings() {
		c.names = append(c.names, fmt.Sprintf("connector.%s %v ← %s (%s)", b.Name, b.Shape, strings.Join(b.From, " + "), b.DType))
	}
	return c, nil
}

// forward brings features (N, In) to embeddings (N, C).
func (c *connector) forward(ctx context.Context, features []float32) ([]float32, error) {
	in, out := c.net.FC1.Weight.In, c.net.FC1.Weight.Out
	n := len(features) / in
	y := make([]float32, n*out)
	err := c.pool.Device().Run(ctx, c.lane, func(s *tensor.Stream) error {
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
