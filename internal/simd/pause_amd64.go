package simd

// Pause tells the core n times that a loop is spinning.
func Pause(n uint32)
