package lockfile

import (
	"context"
	"fmt"
	"os"
	"time"
)

// gap is how long Wait sleeps between two looks.
const gap = 10 * time.Millisecond

// Wait takes the lock on the file at path, which it makes if it is not there, as
// soon as nobody else has it. Closing the file gives the lock back. The error is
// that of the context once it has ended.
func Wait(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		busy, err := Try(f)
		if err == nil && !busy {
			return f, nil
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lockfile: %s cannot be locked: %w", path, err)
		}
		select {
		case <-time.After(gap):
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
