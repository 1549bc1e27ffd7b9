package vector

import "unsafe"

// memory is a run of bytes that are neither scanned nor counted by the garbage
// collector. Whoever uses the bytes holds the memory.
type memory struct{ bytes []byte }

// grow returns memory of at least n bytes that begins with the first used of m, m
// itself if it is large enough.
func (m *memory) grow(used, n int) (*memory, error) {
	if m != nil && n <= len(m.bytes) {
		return m, nil
	}
	if m != nil {
		n = max(n, used+used/2)
	}
	next, err := allocate(n)
	if err != nil {
		return nil, err
	}
	if m != nil {
		copy(next.bytes, m.bytes[:used])
	}
	return next, nil
}

// view is memory seen as values of T.
func view[T any](b []byte) []T {
	var zero T
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(zero)))
}
