package tensor

// Merge makes every sequence R tokens shorter by merging tokens that are alike: the
// bipartite soft matching of ToMe (arXiv 2210.09461, appendix D).
//
// Each token at an even place looks for the token at an odd place that is most like
// it, by the cosine of their keys averaged over heads. The R that found the closest,
// of equals the earlier ones, are merged into what they found: a mean that is weighed
// by Sizes. The first Lead tokens take no part. They come first in Y, then the even
// tokens that are left, then the odd ones.
type Merge struct {
	X      Tensor // (B, L, C) F32
	Keys   Tensor // (B, L, Heads·D) F32 or BF16
	Heads  int
	Sizes  Tensor // (B, L) F32, how many tokens each stands for; none: one
	Lead   int
	Y      Tensor // (B, L − R, C) F32, R at most (L − Lead)/2
	YSizes Tensor // (B, L − R) F32
}

// Check implements Op.
func (o *Merge) Check() error {
	if o.X.rank != 3 || o.Y.rank != 3 || o.Heads < 1 {
		return want("merge", must(false, "x %v, y %v, %d heads", o.X, o.Y, o.Heads))
	}
	b, l, left := o.X.Dim(0), o.X.Dim(1), o.Y.Dim(1)
	return want("merge",
		must(o.X.dtype == F32 && o.Y.dtype == F32 && o.Y.Cols() == o.X.Cols() && o.Y.Dim(0) == b, "x %v, y %v", o.X, o.Y),
		must(floats(o.Keys) && o.Keys.Rows() == b*l && o.Keys.Cols() > 0 && o.Keys.Cols()%o.Heads == 0, "keys %v for x %v, %d heads", o.Keys, o.X, o.Heads),
		must(o.Lead >= 0 && left <= l && 2*(l-left) <= l-o.Lead, "%d of %d tokens are left, %d take no part", left, l, o.Lead),
		must(sizes(o.Sizes, b*l), "sizes %v for x %v", o.Sizes, o.X),
		must(o.YSizes.Ok() && sizes(o.YSizes, b*left), "sizes %v for y %v", o.YSizes, o.Y))
}

// Prune makes every sequence shorter by the tokens that the first one attends to
// least, averaged over heads: EViT (arXiv 2202.07800). The first Lead tokens stay and,
// in their order, the best of the others; the rest becomes the last token, a sum that
// is weighed by attention.
type Prune struct {
	X     Tensor // (B, L, C) F32
	Q, K  Tensor // (B, L, Heads·D) F32 or BF16: of the attention that was there last
	Heads int
	Scale float32
	Lead  int    // 1 at least
	Y     Tensor // (B, L', C) F32, L' at least Lead + 1 and less than L
}

// Check implements Op.
func (o *Prune) Check() error {
	if o.X.rank != 3 || o.Y.rank != 3 || o.Heads < 1 {
		return want("prune", must(false, "x %v, y %v, %d heads", o.X, o.Y, o.Heads))
	}
	b, l, left := o.X.Dim(0), o.X.Dim(1), o.Y.Dim(1)
	return want("prune",
		must(o.X.dtype == F32 && o.Y.dtype == F32 && o.Y.Cols() == o.X.Cols() && o.Y.Dim(0) == b, "x %v, y %v", o.X, o.Y),
		must(floats(o.Q) && o.K.dtype == o.Q.dtype && sameShape(o.Q, o.K) && o.Q.Rows() == b*l && o.Q.Cols() > 0 && o.Q.Cols()%o.Heads == 0,
			"q %v, k %v for x %v, %d heads", o.Q, o.K, o.X, o.Heads),
		must(o.Lead > 0 && left > o.Lead && left < l, "%d of %d tokens are left, %d always stay", left, l, o.Lead))
}

// sizes tells whether t is absent or a dense F32 tensor of n elements.
func sizes(t Tensor, n int) bool { return !t.Ok() || t.dtype == F32 && t.Len() == n && t.Dense() }
