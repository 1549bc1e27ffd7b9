//go:build unix

package safetensors

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipeDoesNotBlock: opening a pipe nobody writes to would wait for ever.
func TestPipeDoesNotBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	_, err := Open(path)
	wantError(t, err, "not a regular file")
}
