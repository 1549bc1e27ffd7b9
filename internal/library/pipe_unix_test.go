//go:build unix

package library

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in a folder is never opened, whatever its name: without a writer that
// would wait for ever.
func TestPipesAreNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "a.jpg", "sub/b.jpg")
	for _, name := range []string{"c.jpg", ".emblemignore", "sub/.emblemignore"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	got, skipped := walked(t, dir, []string{dir})
	if len(got) != 2 || skipped[skipSpecial] != 1 {
		t.Errorf("found %q, skipped %v", got, skipped)
	}
	pipe := filepath.Join(dir, "c.jpg")
	if hasCamera(pipe) {
		t.Error("a pipe is no photograph")
	}
	if err := new(mixed).readTerm(0, pipe, &colours{}); err == nil {
		t.Error("a pipe is no picture")
	}
}
