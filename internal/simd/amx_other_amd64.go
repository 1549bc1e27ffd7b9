//go:build !linux

package simd

// tilesAllowed: only Linux's way to ask for AMX's tiles is known here.
func tilesAllowed() bool { return false }
