//go:build !amd64 && !arm64

package simd

import "runtime"

func native() []set { return nil }

// Pause tells the scheduler that a loop is spinning.
func Pause(uint32) { runtime.Gosched() }

// Processor is not known here.
func Processor() string { return "" }
