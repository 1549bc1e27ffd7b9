package main

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// pictureEndings are the files that a folder stands for.
var pictureEndings = map[string]bool{
	".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".png": true, ".webp": true, ".gif": true, ".bmp": true,
	".tif": true, ".tiff": true, ".heic": true, ".heif": true, ".avif": true, ".dng": true, ".cr2": true, ".nef": true, ".arw": true,
}

// picturePaths lists the pictures that arguments stand for.
func picturePaths(args []string) []string { return filePaths(args, pictureEndings) }

// filePaths lists the files that arguments stand for: files as they are, folders with
// every file below them that has one of the endings, in order, without dot files.
func filePaths(args []string, endings map[string]bool) []string {
	var all []string
	for _, arg := range args {
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			all = append(all, arg) // a missing file gets its own line of output
			continue
		}
		filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(d.Name(), ".") && path != arg
			switch {
			case err != nil:
				all = append(all, path) // reading it will say why
			case d.IsDir() && hidden:
				return fs.SkipDir
			case !d.IsDir() && !hidden && endings[strings.ToLower(filepath.Ext(path))]:
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}

// listFile reads paths, one a line; "-" is the standard input.
func listFile(a *app, name string) ([]string, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return lines(in)
}

func lines(r io.Reader) ([]string, error) {
	var all []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if line := strings.TrimSuffix(s.Text(), "\r"); line != "" {
			all = append(all, line)
		}
	}
	return all, s.Err()
}

// loader reads pictures and other inputs for a model on all cores.
type loader struct {
	model  *models.Model
	limits picture.Limits
	memory *semaphore.Weighted // bytes of decoded pictures at once
	senses *senseFlags         // what files are that are no pictures; nil: all have to be pictures
}

const loaderMemory = 1 << 30

func newLoader(m *models.Model, maxMegapixels uint) *loader {
	return &loader{model: m, limits: picture.LocalLimits(int(maxMegapixels)), memory: semaphore.NewWeighted(loaderMemory)}
}

// loaded is one picture's pixels, or another input's signal, or why there is neither.
type loaded struct {
	pixels vit.Pixels
	signal *fusion.Signal
	err    error
}

// load reads files; what fails is in the results.
func (l *loader) load(ctx context.Context, paths []string) []loaded {
	out := make([]loaded, len(paths))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(paths)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(paths) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				out[i] = l.one(ctx, paths[i])
			}
		})
	}
	wg.Wait()
	return out
}

// one reads a file, or for a video a folder.
func (l *loader) one(ctx context.Context, path string) (out loaded) {
	if l.senses != nil && l.senses.modality == string(fusion.Video) {
		out.signal, out.err = l.video(path)
		return out
	}
	data, err := picture.ReadFile(path, l.limits.MaxBytes)
	if err != nil {
		return loaded{err: err}
	}
	if s := l.senses.of(data); s != "" {
		signal, err := l.model.SignalFile(s, data, l.senses.camera())
		return loaded{signal: &signal, err: err}
	}
	out.pixels, out.err = l.picture(ctx, data)
	return out
}

// picture decodes a picture exactly, within the memory that all of them share.
func (l *loader) picture(ctx context.Context, data []byte) (vit.Pixels, error) {
	o := picture.Options{Local: true, Limits: l.limits}
	h, err := picture.ReadHeader(data, o)
	if err != nil {
		return vit.Pixels{}, err
	}
	cost := min(int64(h.W)*int64(h.H)*6, loaderMemory) // as stored and upright
	if err := l.memory.Acquire(ctx, cost); err != nil {
		return vit.Pixels{}, err
	}
	defer l.memory.Release(cost)
	p, err := picture.Decode(data, o)
	if err != nil {
		return vit.Pixels{}, err
	}
	return l.model.Preprocess(p)
}
