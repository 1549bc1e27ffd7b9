//go:build !unix && !windows

package safetensors

import (
	"io"
	"os"
)

// mapFile reads the file where it cannot be mapped.
func mapFile(f *os.File, size int) ([]byte, error) {
	mem := make([]byte, size)
	_, err := io.ReadFull(f, mem)
	return mem, err
}

func unmapFile([]byte) error { return nil }

func dropPages([]byte) {}

func wantPages([]byte) {}
