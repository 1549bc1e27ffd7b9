//go:build !unix

package vector

func allocate(n int) (*memory, error) { return &memory{bytes: make([]byte, n)}, nil }
