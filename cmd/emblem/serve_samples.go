package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/testdata/pictures"
)

// sampleLibrary is what a server shows that has nothing of its user's yet.
const sampleLibrary = "samples"

// samples makes the sample library, if there is no library at all and the
// built-in model is served, while the server answers already. The channel is
// closed when it is done.
func (x *serving) samples(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if x.host.store == nil {
		close(done)
		return done
	}
	names, err := x.host.store.Names()
	if err != nil || len(names) > 0 || len(x.options.Models) > 0 {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		if err := x.makeSamples(ctx); err != nil && ctx.Err() == nil {
			x.log.Warn("the sample library cannot be made", "error", err)
		}
	}()
	return done
}

func (x *serving) makeSamples(ctx context.Context) error {
	dir := filepath.Join(x.dir, "samples")
	if err := writeSamples(dir); err != nil {
		return err
	}
	return quietIndex(ctx, x.host, x.session, indexOptions{Library: sampleLibrary, Model: models.Default, DType: x.options.DType, Paths: pathList{dir}})
}

// writeSamples puts the sample pictures into a folder, where they are files like
// any others.
func writeSamples(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(pictures.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".jpg" {
			return err
		}
		data, err := pictures.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	})
}
