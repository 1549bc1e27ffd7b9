package library

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleTime is how long it has to be quiet before changes are indexed: a copy
	// of many files is one run, and a file is complete when it is read.
	settleTime = 2 * time.Second
	// settleMost is how long changes are gathered that do not end.
	settleMost = 30 * time.Second
	// rescanTime is how often all is looked at again, for what notifications do
	// not tell: network drives, too many folders, links.
	rescanTime = 10 * time.Minute
)

// watching is one run of Watch.
type watching struct {
	Options
	lib     *Library
	watcher *fsnotify.Watcher // nil where nothing is notified
	watched map[string]bool   // folders
	seen    witness
	limited bool // it was told that not all folders are watched
}

// Watch keeps the library up to date until the context ends: Index at once, when
// something changed and it is quiet again, and every ten minutes. Each run's report
// goes to ran. It returns nil when the context ends, and else the error of a run.
//
// A file counts as deleted if the system said so. If nobody did, as with a disk that
// is gone, files that are missing stay as Index has it.
func (l *Library) Watch(ctx context.Context, e Embedder, o Options, ran func(Report)) error {
	o.defaults()
	w := &watching{Options: o, lib: l, watched: map[string]bool{}}
	var err error
	if w.Roots, err = cleanRoots(o.Roots); err != nil {
		return err
	}
	if w.watcher, err = w.newWatcher(); err != nil {
		o.Log.Warn("changes are not notified here; looking every ten minutes", "error", err)
	} else {
		defer w.watcher.Close()
	}
	for {
		// Folders are watched before they are read: what comes between is notified.
		w.watchFolders(ctx)
		indexed := w.Options
		indexed.deleted = w.seen.deleted
		report, err := l.Index(ctx, e, indexed)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		w.seen = witness{}
		ran(report)
		if !w.wait(ctx) {
			return nil
		}
	}
}

// watchFolders watches all folders of the roots, until there are no new ones: one
// that was made while its parent was not yet watched was not notified.
func (w *watching) watchFolders(ctx context.Context) {
	for range 8 {
		if w.watcher == nil || !w.addFolders(ctx) {
			return
		}
	}
}

// addFolders watches what the roots hold now and says whether there was anything
// new. When the system takes no more folders, that is told once.
func (w *watching) addFolders(ctx context.Context) (more bool) {
	dirs := w.folders(ctx)
	for i, dir := range dirs {
		if err := w.addFolder(w.watcher, dir); err != nil {
			if !w.limited {
				w.Log.Warn("not all folders can be watched; the others are looked at every ten minutes; on Linux a larger fs.inotify.max_user_watches helps",
					"watched", i, "of", len(dirs), "error", err)
			}
			w.limited = true
			return false
		}
		more = more || !w.watched[dir]
		w.watched[dir] = true
	}
	w.limited = false
	return more
}

// folders lists the folders of the roots.
func (w *watching) folders(ctx context.Context) []string {
	exclude, err := newGlobs(w.Exclude)
	if err != nil {
		return nil
	}
	walk := newWalk(ctx, w.Log, w.Roots, exclude, func(candidate) {})
	walk.inside = w.Inside
	if walk.run() != nil {
		return nil
	}
	return walk.dirs
}

// wait returns when something changed and it is quiet again, or it is time to look
// anyway; false means that the context ended.
func (w *watching) wait(ctx context.Context) bool {
	var events chan fsnotify.Event
	var failures chan error
	if w.watcher != nil {
		events, failures = w.watcher.Events, w.watcher.Errors
	}
	timer := time.NewTimer(w.rescan)
	defer timer.Stop()
	var first time.Time
	changed := func() {
		if first.IsZero() {
			first = time.Now()
		}
		timer.Reset(min(w.settleTime, time.Until(first.Add(settleMost))))
	}
	for {
		select {
		case e := <-events:
			if e.Op != fsnotify.Chmod && e.Op != 0 {
				w.note(e)
				changed()
			}
		case err := <-failures:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				changed()
			}
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// note remembers what an event says. A root that is gone says nothing of what was
// in it: it may be a disk.
func (w *watching) note(e fsnotify.Event) {
	if slices.Contains(w.Roots, e.Name) {
		return
	}
	w.seen.note(e)
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		for dir := range w.watched {
			if Within(dir, e.Name) {
				delete(w.watched, dir)
				w.watcher.Remove(dir) // else it would go on under its old name after a move
			}
		}
	}
}
