package library

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestWalkStaysInside: a folder that a stranger named is not left through a link.
func TestWalkStaysInside(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "in/a.jpg", "out/b.jpg", "out/sub/c.jpg")
	must(t, os.Symlink(filepath.Join(dir, "out", "b.jpg"), filepath.Join(dir, "in", "file.jpg")))
	must(t, os.Symlink(filepath.Join(dir, "out"), filepath.Join(dir, "in", "folder")))
	for _, inside := range []bool{true, false} {
		var got []string
		w := newWalk(context.Background(), slog.New(slog.DiscardHandler), []string{filepath.Join(dir, "in")}, nil, func(c candidate) {
			got = append(got, filepath.Base(c.path))
		})
		w.inside = inside
		must(t, w.run())
		if slices.Equal(got, []string{"a.jpg"}) != inside {
			t.Errorf("inside %v: found %v", inside, got)
		}
	}
}
