package library

import (
	"context"
	"errors"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleTime is how long changes are gathered before they are indexed: a
	// copy of many files is one run, and a file is complete when it is read.
	settleTime = 2 * time.Second
	// rescanTime is how often all is looked at again, for what notifications do
	// not tell: network drives, too many folders, links.
	rescanTime = 10 * time.Minute
)

// Watch keeps the library up to date until the context ends: Index at once, when
// something changes, and every ten minutes. Each run's report goes to ran. It
// returns nil when the context ends, and else the error of a run.
func (l *Library) Watch(ctx context.Context, e Embedder, o Options, ran func(Report)) error {
	o.defaults()
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		o.Log.Warn("changes are not notified here; looking every ten minutes", "error", err)
	} else {
		defer watcher.Close()
	}
	for {
		report, err := l.Index(ctx, e, o)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		ran(report)
		if watcher != nil {
			l.watchFolders(ctx, watcher, o)
		}
		if !waitForChange(ctx, watcher) {
			return nil
		}
	}
}

// watchFolders adds all folders of the roots; those that are watched already
// stay so.
func (l *Library) watchFolders(ctx context.Context, watcher *fsnotify.Watcher, o Options) {
	roots, err := cleanRoots(o.Roots)
	if err != nil {
		return
	}
	exclude, err := newGlobs(o.Exclude)
	if err != nil {
		return
	}
	w := newWalk(ctx, o.Log, roots, exclude, func(candidate) {})
	if w.run() != nil {
		return
	}
	for i, dir := range w.dirs {
		if err := watcher.Add(dir); err != nil {
			o.Log.Warn("not all folders can be watched; the others are looked at every ten minutes",
				"watched", i, "of", len(w.dirs), "error", err)
			return
		}
	}
}

// waitForChange returns when something changed and has settled, or it is time
// to look anyway; false means that the context ended.
func waitForChange(ctx context.Context, watcher *fsnotify.Watcher) bool {
	var events chan fsnotify.Event
	var failures chan error
	if watcher != nil {
		events, failures = watcher.Events, watcher.Errors
	}
	timer := time.NewTimer(rescanTime)
	defer timer.Stop()
	for changed := false; ; {
		select {
		case e := <-events:
			if e.Op == fsnotify.Chmod {
				continue
			}
			if !changed {
				changed = true
				timer.Reset(settleTime)
			}
		case err := <-failures:
			if errors.Is(err, fsnotify.ErrEventOverflow) && !changed {
				changed = true
				timer.Reset(settleTime)
			}
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
