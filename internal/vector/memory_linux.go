package vector

import "golang.org/x/sys/unix"

// large asks for large pages; a system that has none says so and is right.
func large(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
