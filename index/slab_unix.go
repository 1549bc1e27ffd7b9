//go:build unix

package index

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newSlab maps anonymous memory, so that vectors neither burden the garbage
// collector nor double the heap's target. It is unmapped when nothing holds the slab
// any more.
func newSlab(rows, dim int) (*slab, error) {
	mem, err := unix.Mmap(-1, 0, 4*rows*dim, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("index: %d MB of memory for vectors: %w", 4*rows*dim>>20, err)
	}
	s := &slab{vectors: unsafe.Slice((*float32)(unsafe.Pointer(&mem[0])), rows*dim)}
	runtime.AddCleanup(s, func(mem []byte) { unix.Munmap(mem) }, mem)
	return s, nil
}

// borrow maps memory for a while, to be given back by the returned function.
func borrow(n int) ([]byte, func(), error) {
	mem, err := unix.Mmap(-1, 0, max(n, 1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("index: %d MB of memory for a file: %w", n>>20, err)
	}
	return mem[:n], func() { unix.Munmap(mem) }, nil
}
