package tensortest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/emblem-search/emblem/internal/tensor"
)

// golden is a case of testdata/ops.json, which tools/golden/ops.py writes.
type golden struct {
	Op      string
	Act     string
	Heads   int
	KVHeads int `json:"kv_heads"`
	Scale   float32
	Causal  bool
	Window  int
	Sinks   int
	Eps     float32
	Patch   int
	Lead    int
	Pairs   bool
	Scales  [3]float32
	Shifts  [3]float32
	In      map[string]array
	Y       array

	values map[tensor.Tensor][]float64
}

type array struct {
	Shape []int
	Data  []float64
}

// TestOracle holds the oracle to torch, in float64.
func TestOracle(t *testing.T) {
	raw, err := os.ReadFile("testdata/ops.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range cases {
		c := &cases[i]
		seen[c.Op] = true
		c.values = map[tensor.Tensor][]float64{}
		t.Run(fmt.Sprintf("%d-%s", i, c.Op), c.judge)
	}
	if len(seen) != 12 {
		t.Errorf("goldens of the ops %v only", seen)
	}
}

func (c *golden) judge(t *testing.T) {
	op := c.op(t)
	if err := op.Check(); err != nil {
		t.Fatal(err)
	}
	got := Oracle(op, Values{
		Tensor: func(x tensor.Tensor) []float64 { return c.values[x] },
		Weight: func(tensor.Weight) []float64 { return c.In["w"].Data },
	})
	if len(got) != len(c.Y.Data) {
		t.Fatalf("%d values, want %d", len(got), len(c.Y.Data))
	}
	for i, want := range c.Y.Data {
		if !(math.Abs(got[i]-want) <= 1e-13+1e-12*math.Abs(want)) {
			t.Fatalf("y[%d] = %v, torch has %v", i, got[i], want)
		}
	}
}

// op rebuilds the op over tensors without memory.
func (c *golden) op(t *testing.T) tensor.Op {
	x, y := c.in("x", tensor.F32), tensor.View(nil, 0, tensor.F32, c.Y.Shape...)
	switch c.Op {
	case "linear":
		n, k := c.In["w"].Shape[0], c.In["w"].Shape[1]
		return &tensor.Linear{X: x, W: tensor.NewWeight(tensor.KindF32, n, k, 0, nil), Bias: c.in("bias", tensor.F32),
			Act: c.act(t), Res: c.in("res", tensor.F32), Y: y}
	case "attention":
		return &tensor.Attention{Q: c.in("q", tensor.F32), K: c.in("k", tensor.F32), V: c.in("v", tensor.F32), Heads: c.Heads,
			KVHeads: c.KVHeads, Scale: c.Scale, Causal: c.Causal, Lens: c.in("lens", tensor.I32), Bias: c.in("bias", tensor.F32), Window: c.Window, Sinks: c.Sinks, Y: y}
	case "layernorm":
		return &tensor.LayerNorm{X: x, W: c.in("w", tensor.F32), B: c.in("b", tensor.F32), Eps: c.Eps, Y: y}
	case "rmsnorm":
		return &tensor.RMSNorm{X: x, W: c.in("w", tensor.F32), Eps: c.Eps, Y: y}
	case "normalize":
		return &tensor.Normalize{X: x, Eps: c.Eps, Y: y}
	case "rope":
		return &tensor.Rope{X: x, Heads: c.Heads, Cos: c.in("cos", tensor.F32), Sin: c.in("sin", tensor.F32), At: c.in("at", tensor.I32), Interleaved: c.Pairs, Y: y}
	case "embed":
		return &tensor.Embed{Table: x, IDs: c.in("ids", tensor.I32), Add: c.in("add", tensor.F32), Y: y}
	case "patchify":
		return &tensor.Patchify{X: c.in("x", tensor.U8), Patch: c.Patch, Lead: c.Lead, Scale: c.Scales, Shift: c.Shifts, Y: y}
	case "unary":
		return &tensor.Unary{X: x, Act: c.act(t), Y: y}
	case "glu":
		return &tensor.GLU{X: x, Act: c.act(t), Y: y}
	case "copy":
		return &tensor.Copy{X: x, Y: y}
	case "meanpool":
		return &tensor.MeanPool{X: x, Lead: c.Lead, Lens: c.in("lens", tensor.I32), Y: y}
	}
	t.Fatalf("op %q", c.Op)
	return nil
}

// in is an input, told from the others by its offset.
func (c *golden) in(name string, d tensor.DType) tensor.Tensor {
	a, ok := c.In[name]
	if !ok {
		return tensor.Tensor{}
	}
	x := tensor.View(nil, len(c.values), d, a.Shape...)
	c.values[x] = a.Data
	return x
}

func (c *golden) act(t *testing.T) tensor.Act {
	for a := tensor.NoAct; a <= tensor.ReLU; a++ {
		if a.String() == c.Act {
			return a
		}
	}
	t.Fatalf("activation %q", c.Act)
	return 0
}
