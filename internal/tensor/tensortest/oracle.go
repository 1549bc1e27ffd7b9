package tensortest

import (
	"fmt"
	"math"
	"slices"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Values maps an op's tensors to their elements, dense, in float64; weights to
// (Out, In).
type Values struct {
	Tensor func(tensor.Tensor) []float64
	Weight func(tensor.Weight) []float64
}

// Oracle computes an op's result in float64. It is written to be read beside the
// op's contract and for nothing else.
func Oracle(op tensor.Op, v Values) []float64 {
	switch o := op.(type) {
	case *tensor.Linear:
		return linear(o, v)
	case *tensor.Attention:
		return attention(o, v)
	case *tensor.LayerNorm:
		return norm(v.Tensor(o.X), v.Tensor(o.W), v.Tensor(o.B), o.X.Cols(), float64(o.Eps), true)
	case *tensor.RMSNorm:
		return norm(v.Tensor(o.X), v.Tensor(o.W), nil, o.X.Cols(), float64(o.Eps), false)
	case *tensor.Rope:
		return rope(o, v)
	case *tensor.Embed:
		return embed(o, v)
	case *tensor.Scatter:
		return scatter(o, v)
	case *tensor.Patchify:
		return patchify(o, v)
	case *tensor.Unary:
		return mapped(v.Tensor(o.X), func(x float64) float64 { return activate(o.Act, x) })
	case *tensor.GLU:
		return glu(o, v)
	case *tensor.Copy:
		return v.Tensor(o.X)
	case *tensor.Normalize:
		return normalize(v.Tensor(o.X), o.X.Cols(), float64(o.Eps))
	case *tensor.MeanPool:
		return meanPool(o, v)
	case *tensor.Merge:
		y, _ := merge(o, v)
		return y
	case *tensor.Prune:
		return prune(o, v)
	}
	panic(fmt.Sprintf("tensortest: no oracle for %T", op))
}

func mapped(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

func activate(a tensor.Act, x float64) float64 {
	switch a {
	case tensor.GELU:
		return x / 2 * (1 + math.Erf(x/math.Sqrt2))
	case tensor.GELUTanh:
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case tensor.QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case tensor.SiLU:
		return x / (1 + math.Exp(-x))
	case tensor.ReLU:
		return max(x, 0)
	}
	return x
}

func linear(o *tensor.Linear, v Values) []float64 {
	x, w, bias, res := v.Tensor(o.X), v.Weight(o.W), v.Tensor(o.Bias), v.Tensor(o.Res)
	m, n, k := o.X.Rows(), o.W.Out(), o.W.In()
	y := make([]float64, m*n)
	for i := range m {
		for j := range n {
			sum := 0.0
			for l := range k {
				sum += x[i*k+l] * w[j*k+l]
			}
			if bias != nil {
				sum += bias[j]
			}
			sum = activate(o.Act, sum)
			if res != nil {
				sum += res[i%o.Res.Rows()*n+j]
			}
			y[i*n+j] = sum
		}
	}
	return y
}

func attention(o *tensor.Attention, v Values) []float64 {
	q, k, val, ls, sizes := v.Tensor(o.Q), v.Tensor(o.K), v.Tensor(o.V), v.Tensor(o.Lens), v.Tensor(o.Sizes)
	bias, reach := v.Tensor(o.Bias), 0
	if bias != nil {
		reach = o.Bias.Cols() / 2
	}
	kv := o.KVHeads
	if kv == 0 {
		kv = o.Heads
	}
	lq, lk, d := o.Q.Dim(1), o.Keys(), o.Q.Cols()/o.Heads
	pages, size := v.Tensor(o.Pages), o.K.Dim(1)
	row := func(b, l int) int {
		if pages == nil {
			return b*lk + l
		}
		return int(pages[b*o.Pages.Cols()+l/size])*size + l%size
	}
	y := make([]float64, len(q))
	for b := range o.Q.Dim(0) {
		for h := range o.Heads {
			for i := range lq {
				n, last := lk, lk
				if ls != nil {
					n = int(ls[b])
				}
				if pages != nil {
					last = n
				}
				place := i
				if o.Causal {
					place = i + last - lq
					n = min(n, place+1)
				}
				p := make([]float64, max(n, 0))
				top, sum := math.Inf(-1), 0.0
				kh := h / (o.Heads / kv)
				hidden := func(j int) bool { return o.Window > 0 && j >= o.Sinks && j <= place-o.Window }
				for j := range p {
					for c := range d {
						p[j] += q[(b*lq+i)*o.Heads*d+h*d+c] * k[row(b, j)*kv*d+kh*d+c]
					}
					p[j] *= float64(o.Scale)
					if sizes != nil {
						p[j] += math.Log(sizes[b*lk+j])
					}
					if bias != nil {
						p[j] += bias[h*(2*reach+1)+reach+min(max(j-place, -reach), reach)]
					}
					if hidden(j) {
						p[j] = math.Inf(-1)
					}
					top = max(top, p[j])
				}
				for j := range p {
					if p[j] = math.Exp(p[j] - top); hidden(j) {
						p[j] = 0
					}
					sum += p[j]
				}
				for j := range p {
					for c := range d {
						if sum == 0 {
							continue // no key is seen
						}
						y[(b*lq+i)*o.Heads*d+h*d+c] += p[j] / sum * val[row(b, j)*kv*d+kh*d+c]
					}
				}
			}
		}
	}
	return y
}

func norm(x, w, b []float64, n int, eps float64, centred bool) []float64 {
	y := make([]float64, len(x))
	for r := 0; r < len(x); r += n {
		mean, square := 0.0, 0.0
		for _, v := range x[r : r+n] {
			mean += v / float64(n)
		}
		if !centred {
			mean = 0
		}
		for _, v := range x[r : r+n] {
			square += (v - mean) * (v - mean) / float64(n)
		}
		for i := range n {
			y[r+i] = (x[r+i] - mean) / math.Sqrt(square+eps)
			if w != nil {
				y[r+i] *= w[i]
			}
			if b != nil {
				y[r+i] += b[i]
			}
		}
	}
	return y
}

func rope(o *tensor.Rope, v Values) []float64 {
	y, cos, sin, at := slices.Clone(v.Tensor(o.X)), v.Tensor(o.Cos), v.Tensor(o.Sin), v.Tensor(o.At)
	n, half := o.X.Cols(), o.Cos.Cols()
	for r := range o.X.Rows() {
		p := r % o.X.Dim(-2)
		if at != nil {
			p = int(at[r%len(at)])
		}
		for h := range o.Heads {
			for i := range half {
				j, k := r*n+h*n/o.Heads+i, r*n+h*n/o.Heads+i+half
				if o.Interleaved {
					j, k = j+i, j+i+1
				}
				c, s, a, b := cos[p*half+i], sin[p*half+i], y[j], y[k]
				y[j], y[k] = a*c-b*s, b*c+a*s
			}
		}
	}
	return y
}

func embed(o *tensor.Embed, v Values) []float64 {
	table, ids, plus := v.Tensor(o.Table), v.Tensor(o.IDs), v.Tensor(o.Add)
	n := o.Table.Cols()
	y := make([]float64, len(ids)*n)
	for i, id := range ids {
		copy(y[i*n:(i+1)*n], table[int(id)*n:])
		for j := 0; plus != nil && j < n; j++ {
			y[i*n+j] += plus[i%o.Add.Rows()*n+j]
		}
	}
	return y
}

func scatter(o *tensor.Scatter, v Values) []float64 {
	x, at, n := v.Tensor(o.X), v.Tensor(o.At), o.X.Cols()
	y := append([]float64{}, v.Tensor(o.Y)...)
	for i, row := range at {
		copy(y[int(row)*n:], x[i*n:(i+1)*n])
	}
	return y
}

func patchify(o *tensor.Patchify, v Values) []float64 {
	x := v.Tensor(o.X)
	h, w, p := o.X.Dim(1), o.X.Dim(2)/3, o.Patch
	var y []float64
	for b := range o.X.Dim(0) {
		y = append(y, make([]float64, o.Lead*p*p*3)...)
		for gy := 0; gy+p <= h; gy += p {
			for gx := 0; gx+p <= w; gx += p {
				for i := range p * p * 3 {
					py, px, c := gy+i/(3*p), gx+i/3%p, i%3
					y = append(y, x[((b*h+py)*w+px)*3+c]*float64(o.Scale[c])+float64(o.Shift[c]))
				}
			}
		}
	}
	return y
}

func glu(o *tensor.GLU, v Values) []float64 {
	x, n := v.Tensor(o.X), o.Y.Cols()
	var y []float64
	for r := 0; r < len(x); r += 2 * n {
		for i := range n {
			y = append(y, activate(o.Act, x[r+i])*x[r+n+i])
		}
	}
	return y
}

func normalize(x []float64, n int, eps float64) []float64 {
	y := make([]float64, len(x))
	for r := 0; r < len(x); r += n {
		sum := 0.0
		for _, v := range x[r : r+n] {
			sum += v * v
		}
		for i := range n {
			y[r+i] = x[r+i] / max(math.Sqrt(sum), eps)
		}
	}
	return y
}

func meanPool(o *tensor.MeanPool, v Values) []float64 {
	x, ls, sizes := v.Tensor(o.X), v.Tensor(o.Lens), v.Tensor(o.Sizes)
	l, n := o.X.Dim(1), o.X.Cols()
	y := make([]float64, o.X.Dim(0)*n)
	for b := range o.X.Dim(0) {
		end, total := l, 0.0
		if ls != nil {
			end = int(ls[b])
		}
		for i := o.Lead; i < end; i++ {
			total += size(sizes, b*l+i)
		}
		for i := o.Lead; i < end; i++ {
			for j := range n {
				y[b*n+j] += x[(b*l+i)*n+j] * size(sizes, b*l+i) / total
			}
		}
	}
	return y
}
