package lockfile

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// TestWait takes turns: a lock that is held is busy, and is taken when it is given
// back.
func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Wait(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f, err := Wait(short, path); f != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that is held: %v, %v", f, err)
	}
	taken := make(chan error, 1)
	go func() {
		f, err := Wait(t.Context(), path)
		if err == nil {
			err = f.Close()
		}
		taken <- err
	}()
	first.Close()
	if err := <-taken; err != nil {
		t.Errorf("a lock that was given back: %v", err)
	}
}

func TestWaitNowhere(t *testing.T) {
	if _, err := Wait(t.Context(), filepath.Join(t.TempDir(), "absent", "lock")); err == nil {
		t.Error("a lock in a folder that is not there was taken")
	}
}
