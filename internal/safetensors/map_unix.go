//go:build unix

package safetensors

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) ([]byte, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("cannot map %d bytes into memory: %w", size, err)
	}
	return mem, nil
}

func unmapFile(mem []byte) error { return unix.Munmap(mem) }

// dropPages and wantPages are advice: an error changes nothing that a caller could
// see.
func dropPages(pages []byte) { _ = unix.Madvise(pages, unix.MADV_DONTNEED) }

func wantPages(pages []byte) { _ = unix.Madvise(pages, unix.MADV_WILLNEED) }
