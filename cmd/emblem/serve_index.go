package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/library"
)

// realFolders are folders as they are on the disk, links followed.
func realFolders(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		real, err := realFolder(p)
		if err != nil {
			return nil, usagef("--root %q is no folder: %v", p, err)
		}
		out[i] = real
	}
	return out, nil
}

func realFolder(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err == nil && !info.IsDir() {
		err = os.ErrInvalid
	}
	return real, err
}

// Index implements server.Library. Only what lies below a --root is indexed, where
// it really is.
func (s shelf) Index(path string) (func(context.Context, func(done, total int)) (any, error), error) {
	real, err := s.below(path)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, progress func(done, total int)) (any, error) {
		ref := chosenModel(s.lib, "")
		model, err := s.host.model(ctx, modelChoice{Ref: ref, DType: "auto", Bulk: true})
		if err != nil {
			return nil, err
		}
		words, err := s.host.describer(ctx, s.host.words)
		if err != nil {
			return nil, err
		}
		report, err := s.lib.Index(ctx, model, library.Options{
			Roots: []string{real}, Inside: true, Ref: ref, IllustrationsOnly: illustrationsOnly(ref), Describe: words,
			Progress: func(p library.Progress) { progress(p.Done, p.Total) },
		})
		if err != nil {
			return nil, clientError(err)
		}
		return report, nil
	}, nil
}
