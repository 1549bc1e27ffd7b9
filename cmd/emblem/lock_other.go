//go:build !unix && !windows

package main

import (
	"errors"
	"os"
)

// lockFile fails: without a lock two processes could damage a library.
func lockFile(*os.File) (busy bool, err error) {
	return false, errors.New("this system has no file locks that emblem knows")
}
