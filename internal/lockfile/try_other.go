//go:build !unix && !windows

package lockfile

import (
	"errors"
	"os"
)

// Try fails: without a lock two processes could damage what they share.
func Try(*os.File) (busy bool, err error) {
	return false, errors.New("this system has no file locks that emblem knows")
}
