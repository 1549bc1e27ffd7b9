package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/emblem-search/emblem/internal/library"
)

const (
	// watchListAge is how often it is looked which folders are to be watched: a job
	// or another process may have indexed new ones.
	watchListAge = 5 * time.Second
	// watchAgain is when a watch that failed is tried again.
	watchAgain = 10 * time.Minute
)

// lookout keeps folders of libraries up to date while the server runs.
type lookout struct {
	*serving
	roots   []string
	running map[watchKey]context.CancelFunc
	ended   sync.WaitGroup
}

// watchKey is a library's name and, in JSON, what is watched for it.
type watchKey struct{ library, watched string }

// watch watches until the context ends; then the channel is closed.
func (x *serving) watch(ctx context.Context, roots []string) <-chan struct{} {
	done := make(chan struct{})
	if x.host.store == nil {
		close(done)
		return done
	}
	l := &lookout{serving: x, running: map[watchKey]context.CancelFunc{}}
	if x.options.Watch {
		l.roots = roots
	}
	go func() {
		defer close(done)
		defer l.ended.Wait()
		for {
			l.look(ctx)
			select {
			case <-time.After(watchListAge):
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

// look starts and ends watches so that they are those that are wanted.
func (l *lookout) look(ctx context.Context) {
	wanted, err := l.wanted()
	if err != nil {
		l.log.Warn("it is not known which folders are to be watched", "error", err)
		return
	}
	for key, cancel := range l.running {
		if _, ok := wanted[key]; !ok {
			cancel()
			delete(l.running, key)
		}
	}
	for key, w := range wanted {
		if l.running[key] == nil {
			ctx, cancel := context.WithCancel(ctx)
			l.running[key] = cancel
			l.ended.Go(func() { l.keep(ctx, key.library, w) })
		}
	}
}

// wanted are the folders that were indexed with --watch, and those of --root.
func (l *lookout) wanted() (map[watchKey]library.Watched, error) {
	names, err := l.host.store.Names()
	if err != nil {
		return nil, err
	}
	out := map[watchKey]library.Watched{}
	add := func(name string, w library.Watched) {
		raw, _ := json.Marshal(w)
		out[watchKey{name, string(raw)}] = w
	}
	held := map[string]bool{}
	for _, name := range names {
		lib, err := l.host.store.Open(name)
		if err != nil {
			continue // told at the start
		}
		m := lib.Manifest()
		for _, w := range m.Watched {
			add(name, w)
		}
		for _, root := range l.roots {
			for _, folder := range common(root, m) {
				held[root] = true
				if !slices.ContainsFunc(m.Watched, func(w library.Watched) bool { return library.Within(folder, w.Root) }) {
					add(name, library.Watched{Root: folder, Inside: true})
				}
			}
		}
	}
	for _, root := range l.roots {
		if !held[root] {
			add("default", library.Watched{Root: root, Inside: true})
		}
	}
	return out, nil
}

// common are the folders that a library has below a root, or the root where it lies
// in one of them.
func common(root string, m library.Manifest) (out []string) {
	for _, folder := range m.Roots {
		switch {
		case library.Within(root, folder):
			out = append(out, root)
		case library.Within(folder, root):
			out = append(out, folder)
		}
	}
	return out
}

// keep watches one folder. What fails is told and tried again.
func (l *lookout) keep(ctx context.Context, name string, w library.Watched) {
	for {
		err := l.watchOnce(ctx, name, w)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("the watch ended")
		}
		l.log.Warn("a folder is not kept up to date; it is tried again in ten minutes", "library", name, "folder", w.Root, "error", err)
		select {
		case <-time.After(watchAgain):
		case <-ctx.Done():
			return
		}
	}
}

func (l *lookout) watchOnce(ctx context.Context, name string, w library.Watched) error {
	quiet := &session{stdout: io.Discard, stderr: io.Discard}
	x, err := newIndexRun(ctx, l.host, quiet, indexOptions{
		Library: name, Paths: pathList{w.Root}, Exclude: w.Exclude, MaxMegapixels: w.MaxMegapixels, ExactDecode: w.ExactDecode, inside: w.Inside, DType: l.options.DType,
	})
	if err != nil {
		return err
	}
	defer x.meter.finish()
	x.options.Log = l.log
	err = x.watch(ctx, func(r library.Report) {
		if changed := r.Added + r.Updated + r.Reused + r.Restored + r.Gone + r.Pruned; changed > 0 {
			l.log.Info("a watched folder changed", "library", name, "folder", w.Root, "what", changes(r))
		}
	})
	return x.explain(err)
}
