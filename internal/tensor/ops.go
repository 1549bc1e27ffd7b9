package tensor

// Linear is Y = Act(X·Wᵀ + Bias) + Res.
//
// X is (…, In) F32 or BF16 and is converted to what W's kind multiplies. Res has
// Y's width, F32 or BF16; with fewer rows than Y it repeats, row r adding
// Res[r mod rows], which is how position tables are added. Res may be Y itself.
type Linear struct {
	X    Tensor // (…, In)
	W    Weight // (Out, In)
	Bias Tensor // (Out) F32, or none
	Act  Act
	Res  Tensor // (…, Out), or none
	Y    Tensor // (…, Out) F32 or BF16
}

// Check implements Op.
func (o *Linear) Check() error {
	return want("linear",
		must(o.W.Ok(), "no weight"),
		must(floats(o.X) && floats(o.Y), "x %v, y %v: want f32 or bf16", o.X, o.Y),
		must(o.X.Cols() == o.W.in, "x %v does not fit w %v", o.X, o.W),
		must(o.Y.Cols() == o.W.out && o.Y.Rows() == o.X.Rows(), "y %v for x %v, w %v", o.Y, o.X, o.W),
		must(vector(o.Bias, o.W.out), "bias %v for w %v", o.Bias, o.W),
		must(!o.Res.Ok() || floats(o.Res) && o.Res.Cols() == o.W.out && o.Res.Rows() > 0 && o.Y.Rows()%o.Res.Rows() == 0,
			"residual %v for y %v", o.Res, o.Y))
}

// Attention is softmax(Scale·Q·Kᵀ + mask)·V for every head, exactly (the whole
// row's maximum and sum, no approximation).
//
// Heads lie side by side in the columns. With KVHeads < Heads a group of
// Heads/KVHeads query heads shares one key head. Causal: query i sees keys up to
// i + Lk − Lq. Lens: the number of valid keys of each sequence; a query that
// sees no key yields zeros. Sizes: a key of size n counts as n equal ones
// (proportional attention of ToMe, arXiv 2210.09461, equation 1); not with Pages.
// Bias: what the distance from a query to a key adds to the score, −R to R, the farther
// ones as the farthest (relative positions of T5, arXiv 1910.10683). Query i stands at
// key i or, where Causal, at the last that it sees by the mask. Window: of the keys that
// Causal lets a query see, the last Window only, and the first Sinks (arXiv 2309.17453).
//
// With Pages, K and V are a store of pages of P rows each, which sequences share
// (PagedAttention, arXiv 2309.06180): key l of sequence b is row l mod P of page
// Pages[b, l/P]; P is a multiple of 16. Lens is needed then, and Causal counts from
// it: the queries are the last ones, query i sees keys up to i + Lens[b] − Lq. Pages
// past Lens are not read; one outside the store is an error of the run.
type Attention struct {
	Q       Tensor // (B, Lq, Heads·D) F32 or BF16
	K, V    Tensor // (B, Lk, KVHeads·D), Q's dtype; with Pages (N, P, KVHeads·D)
	Heads   int
	KVHeads int // 0: Heads
	Scale   float32
	Causal  bool
	Lens    Tensor // (B) I32, or none
	Pages   Tensor // (B, Lk/P) I32, or none
	Sizes   Tensor // (B, Lk) F32, over 0, or none; Scale is over 0 then
	Bias    Tensor // (Heads, 2·R+1) F32, or none; Scale is over 0 then
	Window  int    // 0: all
	Sinks   int
	Y       Tensor // (B, Lq, Heads·D) F32 or BF16
}

// Keys is the most keys that a query may see: Lk.
func (o *Attention) Keys() int {
	if o.Pages.Ok() {
		return o.Pages.Cols() * o.K.Dim(1)
	}
	return o.K.Dim(1)
}

// Check implements Op.
func (o *Attention) Check() error {
	if o.Heads < 1 {
		return want("attention", must(false, "%d heads", o.Heads))
	}
	kv := o.KVHeads
	if kv == 0 {
		kv = o.Heads
	}
	d := o.Q.Cols() / o.Heads
	return want("attention",
		must(o.Q.rank == 3 && o.K.rank == 3 && o.V.rank == 3, "q %v, k %v, v %v: want rank 3", o.Q, o.K, o.V),
		must(floats(o.Q) && floats(o.Y) && o.K.dtype == o.Q.dtype && o.V.dtype == o.Q.dtype, "q %v, k %v, v %v, y %v", o.Q, o.K, o.V, o.Y),
		must(d > 0 && d*o.Heads == o.Q.Cols(), "%d heads in q %v", o.Heads, o.Q),
		must(o.Heads%kv == 0, "%d heads over %d key heads", o.Heads, kv),
		must(sameShape(o.K, o.V) && o.K.Cols() == d*kv && (o.Pages.Ok() || o.K.Dim(0) == o.Q.Dim(0)), "q %v, k %v, v %v", o.Q, o.K, o.V),
		must(!o.Pages.Ok() || o.Pages.dtype == I32 && o.Pages.rank == 2 && o.Pages.Dense() && o.Pages.Dim(0) == o.Q.Dim(0) && o.Lens.Ok() && o.K.Dim(1)%16 == 0,
			"pages %v, lengths %v for q %v", o.Pages, o.Lens, o.Q),
		must(o.Window >= 0 && o.Sinks >= 0 && (o.Window == 0 || o.Causal && o.Scale > 0) && (o.Window > 0 || o.Sinks == 0), "window %d, sinks %d, causal %v", o.Window, o.Sinks, o.Causal),
		must(!o.Causal || o.Keys() >= o.Q.Dim(1), "causal with %d queries over %d keys", o.Q.Dim(1), o.Keys()),
		must(!o.Lens.Ok() || o.Lens.dtype == I32 && o.Lens.Len() == o.Q.Dim(0), "lengths %v for q %v", o.Lens, o.Q),
		must(sizes(o.Sizes, o.K.Rows()) && (!o.Sizes.Ok() || o.Scale > 0 && !o.Pages.Ok()), "sizes %v for k %v, scale %v", o.Sizes, o.K, o.Scale),
		must(!o.Bias.Ok() || o.Bias.dtype == F32 && o.Bias.rank == 2 && o.Bias.Dim(0) == o.Heads && o.Bias.Cols()%2 == 1 && o.Scale > 0, "bias %v for %d heads, scale %v", o.Bias, o.Heads, o.Scale),
		must(sameShape(o.Y, o.Q), "y %v for q %v", o.Y, o.Q))
}

// LayerNorm is Y = (X − mean)/sqrt(var + Eps)·W + B over the last dimension,
// with the biased variance.
type LayerNorm struct {
	X    Tensor // (…, C) F32 or BF16
	W, B Tensor // (C) F32, or none
	Eps  float32
	Y    Tensor // (…, C) F32 or BF16; may be X
}

// Check implements Op.
func (o *LayerNorm) Check() error { return checkNorm("layernorm", o.X, o.W, o.B, o.Y) }

// RMSNorm is Y = X/sqrt(mean(X²) + Eps)·W over the last dimension.
type RMSNorm struct {
	X   Tensor // (…, C) F32 or BF16
	W   Tensor // (C) F32, or none
	Eps float32
	Y   Tensor // (…, C) F32 or BF16; may be X
}

// Check implements Op.
func (o *RMSNorm) Check() error { return checkNorm("rmsnorm", o.X, o.W, Tensor{}, o.Y) }

func checkNorm(op string, x, w, b, y Tensor) error {
	return want(op,
		must(floats(x) && floats(y), "x %v, y %v: want f32 or bf16", x, y),
		must(y.Cols() == x.Cols() && y.Rows() == x.Rows(), "y %v for x %v", y, x),
		must(vector(w, x.Cols()) && vector(b, x.Cols()), "weight %v, bias %v for x %v", w, b, x))
}

// Rope is the rotary position embedding (RoFormer, arXiv 2104.09864): it turns
// pairs of elements in the first 2·R columns of every head by the angles of the
// row's position p. With c = Cos[p, i] and s = Sin[p, i] pair i goes from (a, b) to
// (a·c − b·s, b·c + a·s).
//
// Pair i is columns i and i + R of the head (LLaMA, GPT-NeoX); Interleaved, it is
// columns 2i and 2i + 1 (GPT-J, EVA02). Columns from 2·R on stay as they are. The
// tables are the model's: scaled frequencies and the two axes of pictures are
// values in them, and a class token has a row of cosine 1 and sine 0. A position
// outside the tables is an error of the run.
type Rope struct {
	X           Tensor // (…, L, Heads·D) F32 or BF16
	Heads       int
	Cos, Sin    Tensor // (T, R) F32, 2·R ≤ D
	At          Tensor // (…) I32, row r has position At[r mod len]; none: 0 to L − 1 in each sequence
	Interleaved bool
	Y           Tensor // X's rows and columns, F32 or BF16; may be X
}

// Check implements Op.
func (o *Rope) Check() error {
	if o.X.rank < 2 || o.Cos.rank != 2 || o.Heads < 1 {
		return want("rope", must(false, "x %v, cos %v, %d heads", o.X, o.Cos, o.Heads))
	}
	return want("rope",
		must(floats(o.X) && floats(o.Y) && o.Cos.dtype == F32 && o.Sin.dtype == F32, "x %v, cos %v, sin %v, y %v", o.X, o.Cos, o.Sin, o.Y),
		must(o.X.Cols()%o.Heads == 0, "%d heads in x %v", o.Heads, o.X),
		must(sameShape(o.Cos, o.Sin) && 2*o.Cos.Cols() <= o.X.Cols()/o.Heads, "cos %v, sin %v for %d heads in x %v", o.Cos, o.Sin, o.Heads, o.X),
		must(o.At.Ok() || o.X.Dim(-2) <= o.Cos.Dim(0), "x %v is longer than cos %v", o.X, o.Cos),
		must(!o.At.Ok() || o.At.dtype == I32 && o.At.Dense() && o.At.Len() > 0 && o.X.Rows()%o.At.Len() == 0, "positions %v for x %v", o.At, o.X),
		must(o.Y.Cols() == o.X.Cols() && o.Y.Rows() == o.X.Rows(), "y %v for x %v", o.Y, o.X))
}

// Embed gathers rows: Y[i] = Table[IDs[i]] + Add[i mod rows of Add]. It is the
// token embedding with its positions, and the gather that pools one row of each
// sequence. An id outside the table is an error of the run.
type Embed struct {
	Table Tensor // (V, C) F32 or BF16
	IDs   Tensor // (…) I32
	Add   Tensor // (L, C) F32, or none
	Y     Tensor // (…, C) F32 or BF16
}

// Check implements Op.
func (o *Embed) Check() error {
	n := o.IDs.Len()
	return want("embed",
		must(floats(o.Table) && floats(o.Y) && o.IDs.dtype == I32, "table %v, ids %v, y %v", o.Table, o.IDs, o.Y),
		must(o.IDs.Dense(), "ids %v with gaps", o.IDs),
		must(o.Y.Cols() == o.Table.Cols() && o.Y.Rows() == n, "y %v for table %v, ids %v", o.Y, o.Table, o.IDs),
		must(!o.Add.Ok() || o.Add.dtype == F32 && o.Add.Cols() == o.Y.Cols() && o.Add.Rows() > 0 && n%o.Add.Rows() == 0,
			"added table %v for y %v", o.Add, o.Y))
}

// Scatter writes rows to their places: Y[At[i]] = X[i]. It is how keys and values
// come into a cache. Other rows of Y stay; a place outside Y is an error of the
// run, and rows with one place overwrite each other in any order.
type Scatter struct {
	X  Tensor // (…, C) F32 or BF16
	At Tensor // (…) I32, one for each row of X
	Y  Tensor // (…, C) F32 or BF16
}

// Check implements Op.
func (o *Scatter) Check() error {
	return want("scatter",
		must(floats(o.X) && floats(o.Y) && o.At.dtype == I32 && o.At.Dense(), "x %v, places %v, y %v", o.X, o.At, o.Y),
		must(o.At.Len() == o.X.Rows() && o.Y.Cols() == o.X.Cols(), "x %v, places %v, y %v", o.X, o.At, o.Y))
}

// Patchify cuts pictures into patches and normalises them:
// Y[b, Lead + row·gw + col, (y·P + x)·3 + c] = X[b, row·P + y, col·P + x, c]·Scale[c] + Shift[c].
// The first Lead rows of each picture are zero: the places of class tokens, so
// that one Linear with the position table as residual embeds all of them.
type Patchify struct {
	X            Tensor // (B, H, W·3) U8, or F32 already normalised with Scale 1
	Patch        int    // P, pixels
	Lead         int
	Scale, Shift [3]float32
	Y            Tensor // (B, Lead + (H/P)·(W/P), P·P·3) F32 or BF16
}

// Check implements Op.
func (o *Patchify) Check() error {
	if o.X.rank != 3 || o.Y.rank != 3 || o.Patch < 1 {
		return want("patchify", must(false, "x %v, y %v, patch %d", o.X, o.Y, o.Patch))
	}
	gh, gw := o.X.Dim(1)/o.Patch, o.X.Dim(2)/(3*o.Patch)
	return want("patchify",
		must((o.X.dtype == U8 || o.X.dtype == F32) && floats(o.Y), "x %v, y %v", o.X, o.Y),
		must(o.Y.Dim(0) == o.X.Dim(0) && o.Y.Dim(1) == o.Lead+gh*gw && o.Y.Cols() == o.Patch*o.Patch*3,
			"y %v for x %v, patch %d, lead %d", o.Y, o.X, o.Patch, o.Lead))
}

// Unary is Y = Act(X).
type Unary struct {
	X   Tensor // (…, C) F32 or BF16
	Act Act
	Y   Tensor // X's shape; may be X
}

// Check implements Op.
func (o *Unary) Check() error {
	return want("unary", must(floats(o.X) && floats(o.Y), "x %v, y %v", o.X, o.Y),
		must(o.Y.Cols() == o.X.Cols() && o.Y.Rows() == o.X.Rows(), "y %v for x %v", o.Y, o.X))
}

// GLU is Y = Act(X[:, :C])·X[:, C:].
type GLU struct {
	X   Tensor // (…, 2C) F32 or BF16
	Act Act
	Y   Tensor // (…, C) F32 or BF16
}

// Check implements Op.
func (o *GLU) Check() error {
	return want("glu", must(floats(o.X) && floats(o.Y), "x %v, y %v", o.X, o.Y),
		must(o.X.Cols() == 2*o.Y.Cols() && o.Y.Rows() == o.X.Rows(), "y %v for x %v", o.Y, o.X))
}

// Copy moves X into Y, converting between F32 and BF16.
type Copy struct {
	X Tensor // (…, C)
	Y Tensor // X's rows and columns
}

// Check implements Op.
func (o *Copy) Check() error {
	return want("copy", must(o.X.dtype == o.Y.dtype || floats(o.X) && floats(o.Y), "x %v, y %v", o.X, o.Y),
		must(o.Y.Cols() == o.X.Cols() && o.Y.Rows() == o.X.Rows(), "y %v for x %v", o.Y, o.X))
}

// Normalize divides each row by its Euclidean length: Y = X/max(‖X‖, Eps).
type Normalize struct {
	X   Tensor // (…, C) F32
	Eps float32
	Y   Tensor // (…, C) F32; may be X
}

// Check implements Op.
func (o *Normalize) Check() error {
	return want("normalize", must(o.X.dtype == F32 && o.Y.dtype == F32, "x %v, y %v: want f32", o.X, o.Y),
		must(o.Y.Cols() == o.X.Cols() && o.Y.Rows() == o.X.Rows(), "y %v for x %v", o.Y, o.X))
}

// MeanPool averages the rows of each sequence from Lead on: Y[b] = mean over
// l in [Lead, Lens[b]) of X[b, l]; without Lens up to L. A row of size n counts as n
// equal ones.
type MeanPool struct {
	X     Tensor // (B, L, C) F32 or BF16
	Lead  int
	Lens  Tensor // (B) I32, or none
	Sizes Tensor // (B, L) F32, over 0, or none
	Y     Tensor // (B, C) F32
}

// Check implements Op.
func (o *MeanPool) Check() error {
	if o.X.rank != 3 {
		return want("meanpool", must(false, "x %v: want rank 3", o.X))
	}
	return want("meanpool", must(floats(o.X) && o.Y.dtype == F32, "x %v, y %v", o.X, o.Y),
		must(o.Lead >= 0 && o.Lead < o.X.Dim(1), "lead %d of x %v", o.Lead, o.X),
		must(!o.Lens.Ok() || o.Lens.dtype == I32 && o.Lens.Len() == o.X.Dim(0), "lengths %v for x %v", o.Lens, o.X),
		must(sizes(o.Sizes, o.X.Rows()), "sizes %v for x %v", o.Sizes, o.X),
		must(o.Y.Cols() == o.X.Cols() && o.Y.Rows() == o.X.Dim(0), "y %v for x %v", o.Y, o.X))
}
