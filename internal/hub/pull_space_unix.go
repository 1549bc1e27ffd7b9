//go:build linux || darwin

package hub

import (
	"errors"

	"golang.org/x/sys/unix"
)

// freeSpace is what this user may still write into a folder.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// isFull reports whether err means that there is no more room.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
