//go:build !unix

package cpu

import "unsafe"

// mapMemory takes memory from the Go heap, aligned to a cache line.
func mapMemory(n int) ([]byte, error) {
	b := make([]byte, n+64)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & 63
	return b[skip : skip+n], nil
}

func unmapMemory([]byte) {}
