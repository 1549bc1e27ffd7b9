package library

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watched is a watch that runs until the test ends.
type watched struct {
	*bench
	mu      sync.Mutex
	reports []Report
	log     bytes.Buffer // under mu
}

// Write implements io.Writer, for the log.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watched) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *watched) ran() []Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports)
}

// watch watches the folder of a bench, with little patience.
func (b *bench) watch(change func(*Options)) *watched {
	w := &watched{bench: b}
	o := Options{Roots: []string{b.dir}, Log: slog.New(slog.NewTextHandler(w, nil)), settleTime: 150 * time.Millisecond, rescan: time.Hour}
	if change != nil {
		change(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- b.lib().Watch(ctx, b.model, o, func(r Report) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reports = append(w.reports, r)
		})
	}()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("the watch ended: %v", err)
		}
	})
	w.until("a first run", func() bool { return len(w.ran()) > 0 })
	return w
}

func (w *watched) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within 15 seconds; found %v, log %s", what, w.find("red"), w.said())
		}
	}
}

// finds waits until exactly these files are found.
func (w *watched) finds(what string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	w.until(what, func() bool {
		got := w.find("red")
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// TestWatchFollows makes, changes, moves and deletes files and folders; what is
// deleted goes, however much of the folder it is.
func TestWatchFollows(t *testing.T) {
	b := newBench(t)
	write(t, b.path("a.png"), pngOf(t, red, 9, 9))
	w := b.watch(nil)
	w.finds("the first", "a.png")
	write(t, b.path("b.png"), pngOf(t, shade(red, 1), 9, 9))
	write(t, b.path("sub/deep/c.png"), pngOf(t, shade(red, 2), 9, 9))
	w.finds("new ones", "a.png", "b.png", "sub/deep/c.png")
	write(t, b.path("sub/deep/d.png"), pngOf(t, shade(red, 3), 9, 9))
	w.finds("in a new folder", "a.png", "b.png", "sub/deep/c.png", "sub/deep/d.png")
	n := b.model.images.Load()
	must(t, os.Rename(b.path("a.png"), b.path("sub/moved.png")))
	w.finds("a file that was moved", "b.png", "sub/deep/c.png", "sub/deep/d.png", "sub/moved.png")
	must(t, os.Rename(b.path("sub"), b.path("other")))
	w.finds("a folder that was moved", "b.png", "other/deep/c.png", "other/deep/d.png", "other/moved.png")
	if now := b.model.images.Load(); now != n {
		t.Errorf("%d pictures were embedded for a move", now-n)
	}
	write(t, b.path("other/deep/e.png"), pngOf(t, shade(red, 4), 9, 9))
	w.finds("in a folder that was moved", "b.png", "other/deep/c.png", "other/deep/d.png", "other/deep/e.png", "other/moved.png")
	before := w.ran()
	write(t, b.path("b.png"), pngOf(t, blue, 9, 9))
	w.until("a change", func() bool {
		runs := w.ran()
		return len(runs) > len(before) && runs[len(runs)-1].Updated == 1
	})
	must(t, os.Remove(b.path("b.png")))
	must(t, os.RemoveAll(b.path("other/deep")))
	w.finds("what was deleted", "other/moved.png")
	must(t, os.Remove(b.path("other/moved.png")))
	w.finds("the last one deleted")
	if strings.Contains(w.said(), "WARN") {
		t.Errorf("a warning: %s", w.said())
	}
}

// TestWatchStorm writes many files one after the other: a few runs see them all.
func TestWatchStorm(t *testing.T) {
	b := newBench(t)
	w := b.watch(nil)
	for i := range 150 {
		write(t, b.path(fmt.Sprintf("%d/red%d.png", i%7, i)), pngOf(t, shade(red, i), 9, 9))
		time.Sleep(5 * time.Millisecond)
	}
	w.until("all", func() bool { return len(w.find("red")) == 150 })
	if n := len(w.ran()); n > 4 {
		t.Errorf("%d runs for one storm", n)
	}
}

// TestWatchLostMount takes the folder away as a disk is: nothing is forgotten, and
// it is followed again when it is back.
func TestWatchLostMount(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 5)
	w := b.watch(func(o *Options) { o.rescan = 100 * time.Millisecond })
	away := b.dir + ".away"
	must(t, os.Rename(b.dir, away))
	n := len(w.ran())
	w.until("runs without the folder", func() bool { return len(w.ran()) > n+2 })
	if got := w.find("red"); len(got) != 5 {
		t.Errorf("a lost disk: only %v are left", got)
	}
	if r := w.ran(); len(r[len(r)-1].Unmounted) != 1 {
		t.Errorf("%+v, want a folder that counts as unmounted", r[len(r)-1])
	}
	must(t, os.Rename(away, b.dir))
	write(t, b.path("later.png"), pngOf(t, shade(red, 99), 9, 9))
	w.until("the disk is back", func() bool { return len(w.find("red")) == 6 })
}

// TestWatchLimit gives the system no more than two folders to watch: that is told
// once, and rescans find what is in the others.
func TestWatchLimit(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		write(t, b.path(fmt.Sprintf("%d/a.png", i)), pngOf(t, shade(red, i), 9, 9))
	}
	w := b.watch(func(o *Options) {
		o.rescan = 100 * time.Millisecond
		added := map[string]bool{}
		o.addFolder = func(w *fsnotify.Watcher, dir string) error {
			if !added[dir] && len(added) == 2 {
				return syscall.ENOSPC
			}
			added[dir] = true
			return w.Add(dir)
		}
	})
	write(t, b.path("4/b.png"), pngOf(t, shade(red, 9), 9, 9))
	w.until("a rescan", func() bool { return slices.Contains(w.find("red"), "4/b.png") })
	n := len(w.ran())
	w.until("more rescans", func() bool { return len(w.ran()) > n+2 })
	if n := strings.Count(w.said(), "not all folders can be watched"); n != 1 || !strings.Contains(w.said(), "max_user_watches") {
		t.Errorf("told %d times, want once and what helps: %s", n, w.said())
	}
}

// TestWatchNoNotices has no watcher at all.
func TestWatchNoNotices(t *testing.T) {
	b := newBench(t)
	w := b.watch(func(o *Options) {
		o.rescan = 50 * time.Millisecond
		o.newWatcher = func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }
	})
	write(t, b.path("a.png"), pngOf(t, red, 9, 9))
	w.finds("a rescan", "a.png")
	if !strings.Contains(w.said(), "changes are not notified here") {
		t.Errorf("nothing is said: %s", w.said())
	}
}

func TestWitness(t *testing.T) {
	var s witness
	for _, e := range []fsnotify.Event{
		{Name: "/p/a", Op: fsnotify.Remove}, {Name: "/p/dir", Op: fsnotify.Remove}, {Name: "/p/moved", Op: fsnotify.Rename},
		{Name: "/p/back", Op: fsnotify.Remove}, {Name: "/p/back", Op: fsnotify.Create}, {Name: "/p/w", Op: fsnotify.Write},
	} {
		s.note(e)
	}
	for path, want := range map[string]bool{
		"/p/a": true, "/p/dir/x": false, "/p/moved": true, "/p/moved/x/y": true, "/p/moved2": false, "/p/back": false, "/p/w": false, "/p": false,
	} {
		if s.deleted(path) != want {
			t.Errorf("%s: deleted %v", path, !want)
		}
	}
}

func TestSetWatched(t *testing.T) {
	b := newBench(t)
	l := b.lib()
	set := func(on bool, roots ...string) {
		t.Helper()
		must(t, l.SetWatched(Options{Roots: roots, Exclude: []string{"*.gif"}}, on))
	}
	set(true, b.dir, b.path("../other"))
	set(false, b.dir)
	set(true, b.path("../other"))
	m := l.Manifest()
	if len(m.Watched) != 1 || !strings.HasSuffix(m.Watched[0].Root, "other") || m.Watched[0].Exclude[0] != "*.gif" {
		t.Errorf("%+v, want the other folder", m.Watched)
	}
}
