package tensor

import "fmt"

// MaxRank is the largest number of dimensions.
const MaxRank = 6

// Buffer is a backend's memory. Only the backend that made it knows what is inside.
type Buffer interface {
	Size() int // bytes
}

// Tensor views a buffer as rows: the last dimension is contiguous, the leading
// ones together count rows that lie LD elements apart. It is a plain value;
// the zero Tensor is absent ([Tensor.Ok] is false) and stands for "none" in ops.
type Tensor struct {
	buf   Buffer
	off   int // elements from the start of buf to the first one
	ld    int // elements from one row to the next
	shape [MaxRank]int
	rank  int8
	dtype DType
}

// View makes a dense tensor over buf, off elements in.
func View(buf Buffer, off int, d DType, shape ...int) Tensor {
	if len(shape) == 0 || len(shape) > MaxRank {
		panic(fmt.Sprintf("tensor: rank %d, want 1 to %d", len(shape), MaxRank))
	}
	t := Tensor{buf: buf, off: off, rank: int8(len(shape)), dtype: d}
	copy(t.shape[:], shape)
	for _, n := range shape {
		if n < 0 {
			panic(fmt.Sprintf("tensor: negative dimension in %v", shape))
		}
	}
	t.ld = shape[len(shape)-1]
	return t
}

// Ok tells whether the tensor is present.
func (t Tensor) Ok() bool { return t.rank > 0 }

// Buffer is the memory that t views.
func (t Tensor) Buffer() Buffer { return t.buf }

// Offset is the number of elements from the buffer's start to t's first element.
func (t Tensor) Offset() int { return t.off }

// DType is the type of the elements.
func (t Tensor) DType() DType { return t.dtype }

// Rank is the number of dimensions.
func (t Tensor) Rank() int { return int(t.rank) }

// Shape lists the dimensions.
func (t Tensor) Shape() []int { s := t.shape; return s[:t.rank] }

// Dim is the size of dimension i; negative i counts from the end.
func (t Tensor) Dim(i int) int {
	if i < 0 {
		i += int(t.rank)
	}
	return t.shape[:t.rank][i]
}

// Cols is the size of the last dimension.
func (t Tensor) Cols() int {
	if t.rank == 0 {
		return 0
	}
	return t.shape[t.rank-1]
}

// Rows is the product of all dimensions but the last.
func (t Tensor) Rows() int {
	n := 1
	for i := 0; i < int(t.rank)-1; i++ {
		n *= t.shape[i]
	}
	return n
}

// Len is the number of elements.
func (t Tensor) Len() int { return t.Rows() * t.Cols() }

// LD is the number of elements from one row to the next.
func (t Tensor) LD() int { return t.ld }

// Dense tells whether rows follow each other without a gap.
func (t Tensor) Dense() bool { return t.ld == t.Cols() || t.Rows() == 1 }

// Reshape views the same elements under another shape. Rows with gaps between
// them keep their last dimension.
func (t Tensor) Reshape(shape ...int) Tensor {
	r := View(t.buf, t.off, t.dtype, shape...)
	if r.Len() != t.Len() {
		panic(fmt.Sprintf("tensor: reshape %v to %v", t.Shape(), shape))
	}
	if r.Cols() == t.Cols() {
		r.ld = t.ld
	} else if !t.Dense() {
		panic(fmt.Sprintf("tensor: reshape %v (row stride %d) to %v", t.Shape(), t.ld, shape))
	}
	return r
}

// Slice keeps entries lo to hi of the first dimension. A tensor of rank 1 is one
// row, so that Slice cuts its elements.
func (t Tensor) Slice(lo, hi int) Tensor {
	if t.rank == 1 {
		return t.ColSlice(lo, hi)
	}
	if lo < 0 || hi < lo || hi > t.shape[0] {
		panic(fmt.Sprintf("tensor: slice %d:%d of %v", lo, hi, t.Shape()))
	}
	r := t
	r.off += lo * (t.Rows() / max(t.shape[0], 1)) * t.ld
	r.shape[0] = hi - lo
	return r
}

// ColSlice keeps columns lo to hi of every row: how Q, K and V are read out of
// one fused projection.
func (t Tensor) ColSlice(lo, hi int) Tensor {
	if lo < 0 || hi < lo || hi > t.Cols() {
		panic(fmt.Sprintf("tensor: columns %d:%d of %v", lo, hi, t.Shape()))
	}
	r := t
	r.off += lo
	r.shape[r.rank-1] = hi - lo
	return r
}

func (t Tensor) String() string {
	if !t.Ok() {
		return "none"
	}
	return fmt.Sprintf("%v%v", t.dtype, t.Shape())
}
