package decoder

import (
	"math"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// relative is how T5 tells positions apart: what a key adds to a score depends on how far
// it is from the query, in buckets that become wider, up to a distance from which all are
// one (arXiv 1910.10683, section 2.1; T5Attention of transformers).
type relative struct{ buckets, distance int }

// biases are what the buckets of a model add: (buckets, H), if it has them.
func (c config) biases() weights.Host {
	if c.relative == nil {
		return weights.Host{}
	}
	return weights.Host{Shape: []int{c.relative.buckets, c.heads}}
}

// bucket is that of a key at a distance d from the query. One that looks both ways has
// half of the buckets for keys behind it.
func (r relative) bucket(d int, both bool) int {
	n, first := r.buckets, 0
	if both {
		if n /= 2; d > 0 {
			first = n
		}
		d = max(d, -d)
	} else {
		d = max(-d, 0)
	}
	exact := n / 2
	if d < exact {
		return first + d
	}
	// In float32, as torch: at the bounds of buckets the rounding decides.
	far := float32(math.Log(float64(float32(d)/float32(exact)))) / float32(math.Log(float64(r.distance)/float64(exact))) * float32(n-exact)
	return first + min(exact+int(far), n-1)
}

// table spreads what the buckets add, rows (buckets, H), over distances: (H, 2·R+1), with
// R from which on all are one.
func (r relative) table(p *tensor.Pool, rows []float32, heads int, both bool) (tensor.Tensor, error) {
	reach := max(r.distance, r.buckets)
	out := make([]float32, 0, heads*(2*reach+1))
	for h := range heads {
		for d := -reach; d <= reach; d++ {
			out = append(out, rows[r.bucket(d, both)*heads+h])
		}
	}
	return p.Constant(out, heads, 2*reach+1)
}

// scaleDown divides logits as T5 does whose head is the table of tokens.
func (c config) scaleDown(logits []float32) {
	if c.shrink == 0 {
		return
	}
	by := float32(1 / math.Sqrt(float64(c.shrink)))
	for i := range logits {
		logits[i] *= by
	}
}
