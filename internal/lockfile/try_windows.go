package lockfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try takes the lock without waiting; busy says that somebody else has it. The
// byte that is locked lies behind the content, which others may read.
func Try(f *os.File) (busy bool, err error) {
	at := &windows.Overlapped{Offset: 1 << 30}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return true, nil
	}
	return false, err
}
