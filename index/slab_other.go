//go:build !unix

package index

// newSlab takes the vectors' memory from the Go heap; it holds no pointers.
func newSlab(rows, dim int) (*slab, error) {
	return &slab{vectors: make([]float32, rows*dim)}, nil
}

// borrow takes memory for a while.
func borrow(n int) ([]byte, func(), error) { return make([]byte, n), func() {}, nil }
