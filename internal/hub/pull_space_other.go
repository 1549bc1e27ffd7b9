//go:build !linux && !darwin && !windows

package hub

import (
	"errors"
	"math"
	"syscall"
)

// freeSpace does not know; a disk that fills up stops the pull, which then goes on
// where it was.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }

// isFull reports whether err means that there is no more room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
