package vit

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/emblem-search/emblem/internal/calibrate"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// head says what a classification head reads.
type head uint8

const (
	headOwn       head = iota // the vector of the model's own pooling
	headClassMean             // the class token beside the mean of the patches: DINOv2
	headPair                  // two heads, of the class and the distillation token, averaged: DeiT
)

// both is the mean of the class and the distillation token, past the last norm; only
// as a model's own.
const both Pool = "class and distillation token"

// labels are the names of a classification head's outputs.
type labels struct {
	names       []string
	independent bool // each is right or not by itself
}

// maxLabels bounds what a configuration may ask for; ImageNet-22k has 21,843.
const maxLabels = 1 << 20

// hfLabels reads id2label of config.json. Without it transformers has two labels.
func hfLabels(raw []byte) (labels, error) {
	c := struct {
		IDs     map[string]string `json:"id2label"`
		Number  *int              `json:"num_labels"`
		Problem string            `json:"problem_type"`
	}{}
	if err := weights.Decode("config.json", raw, &c); err != nil {
		return labels{}, err
	}
	n := len(c.IDs)
	switch {
	case c.IDs == nil && c.Number != nil:
		n = *c.Number
	case c.IDs == nil:
		n = 2
	}
	if n < 1 || n > maxLabels {
		return labels{}, fmt.Errorf("vit: config.json: %d labels, want 1 to %d", n, maxLabels)
	}
	l := labels{make([]string, n), c.Problem == "multi_label_classification" || n == 1}
	for i := range l.names {
		l.names[i] = "LABEL_" + strconv.Itoa(i)
	}
	for id, name := range c.IDs {
		i, err := strconv.Atoi(id)
		if err != nil || i < 0 || i >= n {
			return labels{}, fmt.Errorf("vit: config.json: id2label has %q; want 0 to %d, each once", id, n-1)
		}
		l.names[i] = name
	}
	return l, nil
}

// findLabels reads the names of the classes, and drops the classification head of a
// configuration whose checkpoint has none.
func (e *Encoder) findLabels(src weights.Source, conf weights.Config, fam family, c *config) (err error) {
	if fam.labels == nil {
		return nil
	}
	_, pair := src.Get("cls_classifier.weight")
	_, one := src.Get("classifier.weight")
	if c.mayHead && !pair && !one {
		return nil
	}
	if c.mayHead && pair {
		c.head = headPair
	}
	e.labels, err = fam.labels(conf.Raw)
	c.classes = len(e.labels.names)
	return err
}

func (n *net) newHeads(p nn.Precision) {
	c := n.config
	switch {
	case c.classes == 0:
	case c.head == headPair:
		n.Pair = []nn.Linear{nn.NewLinear(c.width, c.classes, true, p.Edge), nn.NewLinear(c.width, c.classes, true, p.Edge)}
	case c.head == headClassMean:
		n.Heads = []nn.Linear{nn.NewLinear(2*c.width, c.classes, true, p.Edge)}
	default:
		n.Heads = []nn.Linear{nn.NewLinear(c.width, c.classes, true, p.Edge)}
	}
}

// classify writes what the heads make of pictures to y (B, K), F32; two heads are
// summed up.
func (n *net) classify(s *tensor.Stream, in input, y tensor.Tensor) {
	defer s.Release(s.Mark())
	x, m := n.encode(s, in)
	b, c := x.Dim(0), n.config
	switch c.head {
	case headPair:
		f := s.New(tensor.F32, b, c.width) // (B, C)
		n.token(s, x, 0, f)
		n.Pair[0].Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
		n.token(s, x, 1, f)
		n.Pair[1].Forward(s, f, tensor.NoAct, y, y)
	case headClassMean:
		f := s.New(tensor.F32, b, 2*c.width) // (B, 2·C)
		n.token(s, x, 0, f.ColSlice(0, c.width))
		n.pool(s, x, Mean, m, f.ColSlice(c.width, 2*c.width))
		n.Heads[0].Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
	default:
		f := s.New(tensor.F32, b, c.width) // (B, C)
		n.pool(s, x, c.pool, m, f)
		n.Heads[0].Forward(s, f, tensor.NoAct, tensor.Tensor{}, y)
	}
}

// Labels are the names of the classes that the model's head tells apart, in the
// order of Classify's numbers; none without a head.
func (e *Encoder) Labels() []string { return e.labels.names }

// errHead is what Classify says of a model without a head.
var errHead = errors.New("vit: the model has no classification head")

// Classify gives each picture a logit for each label.
func (e *Encoder) Classify(ctx context.Context, pictures []Pixels) ([][]float32, error) {
	if len(e.labels.names) == 0 {
		return nil, errHead
	}
	rows, err := e.each(ctx, pictures, len(e.labels.names), e.net.classify)
	if err == nil && e.net.config.head == headPair {
		for _, r := range rows {
			for i := range r {
				r[i] /= 2
			}
		}
	}
	return rows, err
}

// Chances turns a picture's logits into probabilities: one of the labels is right
// (softmax), or, where the head was trained so, each is right or not by itself
// (sigmoid).
func (e *Encoder) Chances(logits []float32) []float32 {
	if e.labels.independent {
		return calibrate.Sigmoids(logits)
	}
	return calibrate.Softmax(logits)
}
