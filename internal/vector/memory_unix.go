//go:build unix

package vector

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocate maps n zero bytes outside the Go heap, in large pages where the system
// has them: lists of rows are random access, and small pages would cost a walk of
// the page table each. They are unmapped when the owner is collected.
func allocate(n int) (*memory, error) {
	b, err := unix.Mmap(-1, 0, max(n, 1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("vector: %d MB of memory: %w", n>>20, err)
	}
	large(b)
	m := &memory{bytes: b[:n:n]}
	runtime.AddCleanup(m, func(p *byte) { unix.Munmap(unsafe.Slice(p, max(n, 1))) }, &b[0])
	return m, nil
}
