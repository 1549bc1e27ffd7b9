package cpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// attention runs every (sequence, head) as one task, or all heads that share keys:
// these are laid out as panels for the tiles, then a tile's worth of query rows at a
// time goes through scores, softmax and the sum over the values. Key 0 always comes
// first, and a masked key has probability exactly 0, so a result does not depend on
// padding or batch.
func (b *Backend) attention(o *tensor.Attention) error {
	h := &heads{b: b, o: o, k: b.kern}
	h.kv = o.KVHeads
	if h.kv == 0 {
		h.kv = o.Heads
	}
	h.d, h.lq, h.lk = o.Q.Cols()/o.Heads, o.Q.Dim(1), o.Keys()
	h.q, h.key, h.v = view(o.Q), view(o.K), view(o.V)
	h.bias = view(o.Bias)
	h.page = o.K.Dim(1)
	if o.Pages.Ok() {
		if err := h.checkPages(); err != nil {
			return err
		}
		h.pages = lens(o.Pages.Reshape(o.Pages.Len()))
	}
	h.choose()
	if o.Sizes.Ok() {
		h.more = make([]float32, o.Sizes.Len())
		for i, n := range sizesOf(o.Sizes, 0, o.Sizes.Len()) {
			h.more[i] = float32(math.Log(float64(n))) / o.Scale
		}
	}
	group := o.Heads / h.kv
	if o.Q.Dim(0)*h.kv < b.Workers() {
		group = 1 // packing the keys more than once is better than idle cores
	}
	each := o.Heads / group
	b.team.run(o.Q.Dim(0)*each, func(worker, task int) {
		h.run(worker, task/each, task%each*group, group)
	})
	return nil
}

// checkPages demands that all pages that will be read are in the store.
func (h *heads) checkPages() error {
	for seq, n := range lens(h.o.Lens) {
		pages := lens(h.o.Pages.Slice(seq, seq+1))
		for _, p := range pages[:min((max(int(n), 0)+h.page-1)/h.page, len(pages))] {
			if p < 0 || int(p) >= h.o.K.Dim(0) {
				return fmt.Errorf("cpu: attention: page %d of a store of %d", p, h.o.K.Dim(0))
			}
		}
	}
	return nil
}

// heads is one Attention in progress. A unit is 4 bytes: one float32 or two bf16.
type heads struct {
	b         *Backend
	o         *tensor.Attention
	k         *simd.Kernels
	tiles     []simd.Tile
	stored    *simd.Stored // stores probabilities in the dtype of V's panels
	bf16      bool
	kv        int // key heads
	rows      int // queries at a time
	d, lq, lk int
	direct    bool      // Q rows and V rows can be read in place
	more      []float32 // (B, Lk), what a key's size adds to its scores; nil: nothing
	bias      rows      // (Heads, 2·R+1), what distances add to them, or none
	q, key, v rows
	page      int     // keys that lie next to each other
	pages     []int32 // where they do, for each sequence in turn; nil: one after the other
}

// row is where key l of a sequence is.
func (h *heads) row(seq, l int) int {
	if h.pages == nil {
		return seq*h.lk + l
	}
	return int(h.pages[seq*(h.lk/h.page)+l/h.page])*h.page + l%h.page
}

// mostQueries bounds the scores that a head holds at a time: 256 kB with a thousand
// keys.
const mostQueries = 64

// choose picks bf16 tiles for bf16 input where there are any, else f32.
func (h *heads) choose() {
	h.bf16 = h.o.Q.DType() == tensor.BF16 && h.k.BF16 != nil && h.d%2 == 0
	h.tiles, h.stored = h.k.F32, &h.k.ToF32
	if h.bf16 {
		h.tiles, h.stored = h.k.BF16, &h.k.ToBF16
	}
	h.rows = min(len(h.tiles), mostQueries)
	h.direct = h.bf16 || h.o.Q.DType() == tensor.F32
}

// group is the number of values in a unit.
func (h *heads) group() int {
	if h.bf16 {
		return 2
	}
	return 1
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// work is one task's scratch memory.
type work struct {
	q, k, v, s, p, y, sums unsafe.Pointer
	ldq, lds, ldp, ldy     int // bytes
}

func (h *heads) layout(worker int) work {
	nr, mr := h.k.NR, h.rows
	keys, cols := roundUp(h.lk, nr), roundUp(h.d, nr)
	units := (h.d + h.group() - 1) / h.group()
	w := work{ldq: 4 * roundUp(units, 16), lds: 4 * (keys + 16), ldp: 4 * (keys + 16), ldy: 4 * cols}
	sizes := []int{mr * w.ldq, 4 * units * keys, 4 * (h.lk + 1) * cols, mr * w.lds, mr * w.ldp, mr * w.ldy, 4 * 2 * mr}
	total := 0
	for _, n := range sizes {
		total += roundUp(n, 64)
	}
	p := h.b.scratch[worker].get(total)
	for i, field := range []*unsafe.Pointer{&w.q, &w.k, &w.v, &w.s, &w.p, &w.y, &w.sums} {
		*field = p
		p = unsafe.Add(p, roundUp(sizes[i], 64))
	}
	if !h.bf16 {
		w.p = w.s // probabilities overwrite the scores
	}
	return w
}

// run computes heads of one sequence that share their keys.
func (h *heads) run(worker, seq, head, group int) {
	w := h.layout(worker)
	kvHead := head / (h.o.Heads / h.kv)
	t := task{work: w, valid: h.lk, last: h.lk}
	if h.more != nil {
		t.more = h.more[seq*h.lk:][:h.lk]
	}
	if h.o.Lens.Ok() {
		t.valid = min(max(int(lens(h.o.Lens)[seq]), 0), h.lk)
	}
	if h.pages != nil {
		t.last = t.valid
	}
	t.from, t.to = h.gap(t)
	h.packKeys(t, seq, kvHead)
	h.packValues(t, seq, kvHead)
	q, y := h.q, view(h.o.Y)
	q.p, y.p = q.at(seq*h.lq), y.at(seq*h.lq)
	if h.lq == 1 { // the heads are rows of one tile
		q, y = h.head(q, head), h.head(y, head)
		q.stride, y.stride = h.d*q.dtype.Size(), h.d*y.dtype.Size()
		t.head = head
		eachTile(0, group, h.rows, func(r, n int) { h.block(t, q, y, r, n, 0) })
		return
	}
	for i := head; i < head+group; i++ {
		q, y := h.head(q, i), h.head(y, i)
		t.head = i
		eachTile(0, h.lq, h.rows, func(r, n int) { h.block(t, q, y, r, n, 1) })
	}
}

// task is what the queries of one sequence share.
type task struct {
	work
	more     []float32 // (Lk), what a key's size adds to its scores; nil: nothing
	head     int       // of row 0, and of all where rows are queries
	from, to int       // keys between them nobody sees: they are not packed
	valid    int       // keys
	last     int       // keys up to the last query, where the mask is causal
}

// lens views a dense I32 vector.
func lens(t tensor.Tensor) []int32 { return unsafe.Slice((*int32)(rowPtr(t, 0)), t.Len()) }

// head narrows rows to one head's columns.
func (h *heads) head(v rows, head int) rows { return v.from(head*h.d, h.d) }

// gap are keys, whole panels of them, that no query of a sequence sees, since they lie
// before all windows.
func (h *heads) gap(t task) (from, to int) {
	if h.o.Window == 0 {
		return 0, 0
	}
	nr := h.k.NR
	from, to = roundUp(h.o.Sinks, nr), (h.visible(t, 0)-h.o.Window)/nr*nr
	return from, max(from, to)
}

// hide masks the keys of row i that lie before its window; it returns seen, or 0 if
// none of them is left.
func (h *heads) hide(t task, i, at, seen int) int {
	row := unsafe.Slice((*float32)(unsafe.Add(t.s, i*t.lds)), max(seen, 0))
	end := min(at+t.last-h.lq+1-h.o.Window, len(row))
	for l := h.o.Sinks; l < end; l++ {
		row[l] = float32(math.Inf(-1))
	}
	if end >= len(row) && h.o.Sinks == 0 {
		return 0
	}
	return seen
}

// packKeys lays out keys as columns: panel by panel, unit by unit of the head.
func (h *heads) packKeys(t task, seq, head int) {
	dst, valid, keys := t.k, t.valid, h.head(h.key, head)
	nr, units := h.k.NR, (h.d+h.group()-1)/h.group()
	row := make([]float32, 0)
	if !h.direct {
		row = make([]float32, h.d)
	}
	first := 0
	if h.direct && h.k.Transpose != nil && units%square == 0 {
		first = valid / square * square
		h.transposeKeys(dst, keys, seq, 0, min(first, t.from))
		h.transposeKeys(dst, keys, seq, t.to, first)
	}
	for l := first; l < roundUp(valid, nr); l++ {
		if l >= t.from && l < t.to {
			continue
		}
		col := unsafe.Slice((*uint32)(unsafe.Add(dst, 4*(l/nr*nr*units+l%nr))), (units-1)*nr+1)
		switch {
		case l >= valid:
			for u := range units {
				col[u*nr] = 0
			}
		case h.direct:
			for u, v := range unsafe.Slice((*uint32)(keys.at(h.row(seq, l))), units) {
				col[u*nr] = v
			}
		default:
			keys.read(row, h.row(seq, l))
			for u, v := range row {
				col[u*nr] = math.Float32bits(v)
			}
		}
	}
}

const square = 16 // keys and units that Transpose takes at once

// transposeKeys packs keys lo to hi by blocks.
func (h *heads) transposeKeys(dst unsafe.Pointer, keys rows, seq, lo, hi int) {
	nr, units := h.k.NR, (h.d+h.group()-1)/h.group()
	for l := lo; l < hi; l += square {
		x, y := keys.at(h.row(seq, l)), unsafe.Add(dst, 4*(l/nr*nr*units+l%nr))
		for u := 0; u < units; u += square {
			h.k.Transpose(unsafe.Add(x, 4*u), unsafe.Add(y, 4*u*nr), uintptr(keys.stride), uintptr(4*nr))
		}
	}
}

// packValues lays out values with keys along k and the head's columns padded to
// whole tiles: panel by panel of columns, unit by unit of keys.
func (h *heads) packValues(t task, seq, head int) {
	dst, valid := t.v, t.valid
	nr, g := h.k.NR, h.group()
	units := (valid + g - 1) / g
	values, row := h.head(h.v, head), make([]float32, h.d)
	for c := 0; c < h.d; c += nr {
		n, first := min(nr, h.d-c), 0
		if n == nr && h.bf16 && h.k.Pair != nil {
			first = valid / 2
			h.interleave(unsafe.Add(dst, 4*c*units), values.from(c, n), seq, 0, min(first, t.from/2))
			h.interleave(unsafe.Add(dst, 4*c*units), values.from(c, n), seq, t.to/2, first)
		}
		for u := first; u < units; u++ {
			if u >= t.from/g && u < t.to/g {
				continue
			}
			out := unsafe.Add(dst, 4*nr*(c/nr*units+u))
			if h.bf16 {
				pairValues(unsafe.Slice((*uint32)(out), nr), values.from(c, n), h.row(seq, 2*u), 2*u+1 < valid)
				continue
			}
			f := unsafe.Slice((*float32)(out), nr)
			if h.direct {
				copy(f, values.from(c, n).f32(h.row(seq, u)))
			} else {
				values.read(row, h.row(seq, u))
				copy(f, row[c:c+n])
			}
			clear(f[n:])
		}
	}
}

// interleave packs pairs lo to hi of rows, page by page, which hold even numbers of
// them.
func (h *heads) interleave(dst unsafe.Pointer, values rows, seq, lo, hi int) {
	for u := lo; u < hi; {
		n := hi - u
		if h.pages != nil {
			n = min(n, h.page/2-u%(h.page/2))
		}
		h.k.Pair(values.at(h.row(seq, 2*u)), unsafe.Add(dst, 4*h.k.NR*u), uintptr(values.stride), uintptr(n))
		u += n
	}
}

// pairValues interleaves row l with the next one, or with zeros after the last.
func pairValues(out []uint32, v rows, l int, both bool) {
	clear(out)
	for i, x := range unsafe.Slice((*uint16)(v.at(l)), v.cols) {
		out[i] = uint32(x)
	}
	if both {
		for i, x := range unsafe.Slice((*uint16)(v.at(l+1)), v.cols) {
			out[i] |= uint32(x) << 16
		}
	}
}

// block attends from n queries, rows of q from r on. Row i is query step·i.
func (h *heads) block(t task, q, y rows, r, n, step int) {
	last := h.visible(t, step*(r+n-1))
	if last > 0 {
		h.scores(t, q, r, n, last)
		for i := range n {
			seen := h.visible(t, step*(r+i))
			if h.o.Bias.Ok() {
				h.addBias(t, i, t.head+(1-step)*(r+i), step*(r+i), seen)
			}
			if h.o.Window > 0 {
				seen = h.hide(t, i, step*(r+i), seen)
			}
			h.softmax(t, i, seen, last)
		}
		h.sum(t, n, last)
	}
	h.write(t, y, r, n, step)
}

// addBias adds to row i's scores what the distances from query at to the keys that it
// sees add for a head. It is divided by the scale, which the softmax multiplies by.
func (h *heads) addBias(t task, i, head, at, seen int) {
	if h.o.Causal {
		at += t.last - h.lq
	}
	table, reach := h.bias.f32(head), h.bias.cols/2
	row := unsafe.Slice((*float32)(unsafe.Add(t.s, i*t.lds)), max(seen, 0))
	for l := range row {
		row[l] += table[reach+min(max(l-at, -reach), reach)] / h.o.Scale
	}
}

// visible is the number of keys that query i sees.
func (h *heads) visible(t task, i int) int {
	if !h.o.Causal {
		return t.valid
	}
	return min(t.valid, i+1+t.last-h.lq)
}

// scores multiplies query rows by the keys' panels.
func (h *heads) scores(t task, q rows, r, n, last int) {
	w, nr, units := t.work, h.k.NR, (h.d+h.group()-1)/h.group()
	a, lda := h.queries(w, q, r, n)
	for p := 0; p < last; p += nr {
		if p >= t.from && p < t.to {
			continue
		}
		h.tiles[n-1](a, unsafe.Add(w.k, 4*p*units), unsafe.Add(w.s, 4*p),
			uintptr(lda), uintptr(4*nr), uintptr(w.lds), uintptr(units), 0, a, 0)
	}
}

// queries returns the rows in place, or converted to float32.
func (h *heads) queries(w work, q rows, r, n int) (unsafe.Pointer, int) {
	if h.direct {
		return q.at(r), q.stride
	}
	for i := range n {
		q.read(unsafe.Slice((*float32)(unsafe.Add(w.q, i*w.ldq)), h.d), r+i)
	}
	return w.q, w.ldq
}

// softmax turns row i's scores into probabilities not yet divided by their sum.
// Keys from seen on are masked; the row is computed up to last.
func (h *heads) softmax(t task, i, seen, last int) {
	w := t.work
	n := roundUp(last, h.k.NR)
	row := unsafe.Slice((*float32)(unsafe.Add(w.s, i*w.lds)), n)
	if t.more != nil {
		add(row, t.more[:max(seen, 0)])
	}
	masked := float32(math.Inf(-1))
	if h.o.Scale < 0 {
		masked = -masked
	}
	for j := seen; j < n; j++ {
		row[j] = masked
	}
	sums := unsafe.Slice((*float32)(unsafe.Add(w.sums, 8*i)), 2)
	if sums[0] = h.o.Scale; h.o.Scale <= 0 { // the kernel wants a positive scale
		for j := range row {
			row[j] *= h.o.Scale
		}
		for j := seen; j < n; j++ {
			row[j] = float32(math.Inf(-1))
		}
		sums[0] = 1
	}
	if seen <= 0 {
		clear(row)
		clear(unsafe.Slice((*uint32)(unsafe.Add(w.p, i*w.ldp)), n/h.group()))
		sums[1] = 0
		return
	}
	h.stored.Softmax(unsafe.Pointer(&row[0]), unsafe.Add(w.p, i*w.ldp), unsafe.Pointer(&sums[0]), uintptr(n/h.k.Lanes))
}

// sum multiplies probabilities by values, but for those of keys that nobody sees.
func (h *heads) sum(t task, rows, last int) {
	w, nr, g := t.work, h.k.NR, h.group()
	units, all := (last+g-1)/g, (t.valid+g-1)/g
	for c := 0; c < h.d; c += nr {
		more := uintptr(0)
		for _, part := range [2][2]int{{0, min(t.from/g, units)}, {t.to / g, units}} {
			u, n := part[0], part[1]-part[0]
			if n <= 0 {
				continue
			}
			h.tiles[rows-1](unsafe.Add(w.p, 4*u), unsafe.Add(w.v, 4*c*all+4*nr*u), unsafe.Add(w.y, 4*c),
				uintptr(w.ldp), uintptr(4*nr), uintptr(w.ldy), uintptr(n), more, w.p, 0)
			more = 1
		}
	}
}

// write divides by the sums and stores the rows of the head.
func (h *heads) write(t task, y rows, r, n, step int) {
	w := t.work
	inverse := unsafe.Slice((*float32)(w.sums), 2*n)
	for i := range n {
		if s := inverse[2*i+1]; h.visible(t, step*(r+i)) > 0 && s > 0 {
			inverse[i] = 1 / s // read before it is overwritten: 2i+1 > i
		} else {
			inverse[i] = 0
			clear(unsafe.Slice((*float32)(unsafe.Add(w.y, i*w.ldy)), h.d))
		}
	}
	if h.d%h.k.Lanes != 0 {
		for i := range n {
			row := unsafe.Slice((*float32)(unsafe.Add(w.y, i*w.ldy)), h.d)
			for j := range row {
				row[j] *= inverse[i]
			}
			y.write(r+i, row)
		}
		return
	}
	stored := &h.k.ToF32
	if y.dtype == tensor.BF16 {
		stored = &h.k.ToBF16
	}
	gap := uintptr(y.stride - h.d*y.dtype.Size())
	stored.ScaleRows(w.y, w.sums, y.at(r), uintptr(w.ldy), gap, uintptr(n), uintptr(h.d/h.k.Lanes))
}
