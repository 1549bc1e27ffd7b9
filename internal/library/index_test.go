package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// bench is a library under test.
type bench struct {
	t     *testing.T
	store *Store
	dir   string // of pictures
	model *colours
	log   bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: filepath.Join(t.TempDir(), "pictures"), model: &colours{print: "1"}}
	must(t, os.MkdirAll(b.dir, 0o755))
	var err error
	b.store, err = OpenStore(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, b.store.Close()) })
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) lib() *Library {
	b.t.Helper()
	l, err := b.store.Create("test")
	must(b.t, err)
	return l
}

func (b *bench) index(change func(*Options)) Report {
	b.t.Helper()
	r, err := b.tryIndex(context.Background(), change)
	must(b.t, err)
	return r
}

func (b *bench) tryIndex(ctx context.Context, change func(*Options)) (Report, error) {
	b.t.Helper()
	b.log.Reset()
	o := Options{Roots: []string{b.dir}, Log: slog.New(slog.NewTextHandler(&b.log, nil))}
	if change != nil {
		change(&o)
	}
	return b.lib().Index(ctx, b.model, o)
}

func (b *bench) find(query string) []string {
	b.t.Helper()
	q, err := ParseQuery(query)
	must(b.t, err)
	hits, err := b.lib().Search(context.Background(), b.model, q, SearchOptions{Limit: 10000})
	must(b.t, err)
	var out []string
	for _, h := range hits {
		rel, err := filepath.Rel(b.dir, h.Path)
		must(b.t, err)
		out = append(out, filepath.ToSlash(rel))
	}
	return out
}

func (b *bench) wantEmbedded(n int32) {
	b.t.Helper()
	if got := b.model.images.Swap(0); got != n {
		b.t.Errorf("%d pictures were embedded, want %d", got, n)
	}
}

func TestIndexLife(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 12)
	write(t, b.path("g.png"), pngOf(t, green, 9, 9))
	write(t, b.path("copy of g.png"), pngOf(t, green, 9, 9))
	write(t, b.path("notes.txt"), []byte("no picture"))

	r := b.index(nil)
	if r.Added != 13 || r.Reused != 1 || r.Pictures != 14 || r.Skipped[skipOther] != 1 || r.Failures() != 0 {
		t.Errorf("first run: %+v", r)
	}
	b.wantEmbedded(13)
	if got := b.find("green"); len(got) != 14 || !slices.Contains(got[:2], "g.png") || !slices.Contains(got[:2], "copy of g.png") {
		t.Errorf("green finds %v", got)
	}
	if r = b.index(nil); r.Unchanged != 14 || r.Added+r.Updated+r.Reused != 0 {
		t.Errorf("second run: %+v", r)
	}
	b.wantEmbedded(0)

	// A rename within and a new folder cost nothing; the old path goes.
	must(t, os.MkdirAll(b.path("sub"), 0o755))
	for i := range 8 {
		name := fmt.Sprintf("red%03d.png", i)
		must(t, os.Rename(b.path(name), b.path("sub/"+name)))
	}
	if r = b.index(nil); r.Reused != 8 || r.Gone != 8 || r.Pictures != 14 || len(r.Unmounted) != 0 {
		t.Errorf("after renames: %+v\n%s", r, &b.log)
	}
	b.wantEmbedded(0)

	// New content under an old path.
	write(t, b.path("g.png"), pngOf(t, blue, 10, 10))
	if r = b.index(nil); r.Updated != 1 || r.Pictures != 14 {
		t.Errorf("after a change: %+v", r)
	}
	b.wantEmbedded(1)
	if got := b.find("blue"); got[0] != "g.png" {
		t.Errorf("blue finds %v", got)
	}
}

func TestVanishedAndBack(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 10)
	b.index(nil)
	b.wantEmbedded(10)
	data, err := os.ReadFile(b.path("red003.png"))
	must(t, err)
	info, err := os.Stat(b.path("red003.png"))
	must(t, err)
	must(t, os.Rename(b.path("red003.png"), filepath.Join(t.TempDir(), "elsewhere.png")))
	if r := b.index(nil); r.Gone != 1 || r.Pictures != 9 {
		t.Errorf("after a loss: %+v", r)
	}
	if got := b.find("red"); slices.Contains(got, "red003.png") || len(got) != 9 {
		t.Errorf("a vanished file is found: %v", got)
	}
	write(t, b.path("red003.png"), data)
	must(t, os.Chtimes(b.path("red003.png"), info.ModTime(), info.ModTime()))
	if r := b.index(nil); r.Restored != 1 || r.Pictures != 10 {
		t.Errorf("after its return: %+v", r)
	}
	b.wantEmbedded(0)

	// Kept for 30 days, then forgotten.
	must(t, os.Remove(b.path("red004.png")))
	b.index(nil)
	later := func(d time.Duration) func(*Options) {
		return func(o *Options) { o.now = func() time.Time { return time.Now().Add(d) } }
	}
	if r := b.index(later(29 * 24 * time.Hour)); r.Pruned != 0 {
		t.Errorf("after 29 days: %+v", r)
	}
	if r := b.index(later(31 * 24 * time.Hour)); r.Pruned != 1 {
		t.Errorf("after 31 days: %+v", r)
	}
	must(t, os.Remove(b.path("red005.png")))
	if r := b.index(func(o *Options) { o.Prune = true }); r.Gone != 1 || r.Pruned != 1 {
		t.Errorf("with --prune: %+v", r)
	}
}

func TestUnmounted(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 10)
	b.index(nil)
	check := func(what string, r Report) {
		t.Helper()
		if r.Gone != 0 || r.Pictures != 10 || len(r.Unmounted) != 1 || strings.Count(b.log.String(), "level=WARN") != 1 {
			t.Errorf("%s: %+v\n%s; want all 10 and one warning", what, r, &b.log)
		}
	}
	away := b.dir + ".away"
	must(t, os.Rename(b.dir, away))
	check("missing", b.index(nil))
	check("missing, --prune", b.index(func(o *Options) { o.Prune = true }))
	must(t, os.Mkdir(b.dir, 0o755))
	check("empty", b.index(nil))
	must(t, os.Remove(b.dir))
	must(t, os.Rename(away, b.dir))
	for i := range 3 {
		must(t, os.Rename(b.path(fmt.Sprintf("red%03d.png", i)), b.path(fmt.Sprintf(".x%d", i))))
	}
	check("lost 30 %", b.index(nil))
	write(t, b.path("new.png"), pngOf(t, blue, 9, 9))
	if r := b.index(func(o *Options) { o.Prune = true }); r.Gone != 3 || r.Pruned != 3 || r.Added != 1 || r.Pictures != 8 {
		t.Errorf("lost 30 %% and --prune: %+v", r)
	}
	if r := b.index(nil); len(r.Unmounted) != 0 || r.Unchanged != 8 {
		t.Errorf("settled: %+v", r)
	}
}

func TestExcludedLater(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 10)
	b.index(nil)
	write(t, b.path(".emblemignore"), []byte("red00[0-5].png\n"))
	if r := b.index(nil); r.Gone != 6 || r.Pictures != 4 || len(r.Unmounted) != 0 {
		t.Errorf("after new rules: %+v", r)
	}
	must(t, os.Remove(b.path(".emblemignore")))
	if r := b.index(nil); r.Restored != 6 || r.Pictures != 10 {
		t.Errorf("after their removal: %+v", r)
	}
	b.wantEmbedded(10)
}

func TestBrokenFiles(t *testing.T) {
	b := newBench(t)
	whole := pngOf(t, red, 40, 40)
	huge := slices.Clone(whole)
	copy(huge[16:], "\x00\x01\x00\x00\x00\x01\x00\x00") // 65536 x 65536
	write(t, b.path("ok.png"), whole)
	write(t, b.path("cut.png"), whole[:len(whole)-20])
	write(t, b.path("cut copy.png"), whole[:len(whole)-20])
	write(t, b.path("huge.png"), huge)
	write(t, b.path("empty.jpg"), nil)
	write(t, b.path("text.jpg"), []byte("this is no picture"))
	write(t, b.path("\xff\xfe\n.png"), pngOf(t, blue, 5, 5))
	must(t, os.Mkdir(b.path("folder.jpg"), 0o755))
	r := b.index(nil)
	if r.Pictures != 2 || r.Failures() != 5 || r.Failed["too_large"] != 1 {
		t.Errorf("%+v\n%s", r, &b.log)
	}
	if n := strings.Count(b.log.String(), "level=WARN"); n != 5 {
		t.Errorf("%d warnings, want 5:\n%s", n, &b.log)
	}
	failed := maps.Clone(r.Failed)
	// They are counted, not read and not told again.
	if r = b.index(nil); !maps.Equal(r.Failed, failed) || b.log.Len() > 0 || r.Unchanged != 2 {
		t.Errorf("second run: %+v\n%s", r, &b.log)
	}
	if r = b.index(func(o *Options) { o.MaxMegapixels = 5000 }); r.Failures() != 5 || b.log.Len() == 0 {
		t.Errorf("another reader does not try again: %+v", r)
	}
	write(t, b.path("cut.png"), whole)
	if r = b.index(nil); r.Failures() == 5 || r.Pictures != 3 {
		t.Errorf("after a repair: %+v", r)
	}
	if got := b.find("blue"); got[0] != "\xff\xfe\n.png" {
		t.Errorf("a name that is not UTF-8 came back as %q", got[0])
	}
}

func TestVerify(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 3)
	pad := func(data []byte) []byte { return append(data, make([]byte, 500-len(data))...) }
	write(t, b.path("red001.png"), pad(pngOf(t, shade(red, 1), 9, 9)))
	b.index(nil)
	// The same size, time and id with another content: only --verify sees it.
	path := b.path("red001.png")
	info, err := os.Stat(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(pad(pngOf(t, shade(green, 1), 9, 9)))
	must(t, errors.Join(err, f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime())))
	b.wantEmbedded(3)
	if r := b.index(nil); r.Unchanged != 3 {
		t.Errorf("without --verify: %+v", r)
	}
	if r := b.index(func(o *Options) { o.Verify = true }); r.Updated != 1 || r.Unchanged != 2 {
		t.Errorf("with --verify: %+v", r)
	}
	b.wantEmbedded(1)
	// Touched, but the content is the same.
	must(t, os.Chtimes(path, time.Now(), time.Now()))
	if r := b.index(nil); r.Unchanged != 3 || r.Updated != 0 {
		t.Errorf("touched: %+v", r)
	}
	b.wantEmbedded(0)
}

func TestCancelAndResume(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 60)
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("the signal")
	b.model.before = func() error {
		if b.model.batches.Load() == 3 {
			cancel(stop)
		}
		return nil
	}
	small := func(o *Options) { o.BatchSize = 4 }
	if _, err := b.tryIndex(ctx, small); !errors.Is(err, stop) {
		t.Fatalf("cancelled: %v; want the context's cause", err)
	}
	b.model.before = nil
	had := b.model.images.Swap(0)
	r := b.index(small)
	if int(had)+r.Added != 60 || r.Pictures != 60 || had == 0 {
		t.Errorf("%d before, then %+v; want 60 together and none twice", had, r)
	}
}

func TestModelFails(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 8)
	broken := errors.New("out of order")
	b.model.before = func() error { return broken }
	if _, err := b.tryIndex(context.Background(), nil); !errors.Is(err, broken) {
		t.Errorf("%v; want the model's error", err)
	}
	b.model.before = nil
	if r := b.index(nil); r.Added != 8 {
		t.Errorf("after that: %+v", r)
	}
}

// A budget far below one picture still ends, one picture at a time.
func TestSmallBudget(t *testing.T) {
	b := newBench(t)
	for i := range 30 {
		write(t, b.path(fmt.Sprintf("%02d.png", i)), pngOf(t, shade(red, i), 20+i, 20))
	}
	if r := b.index(func(o *Options) { o.MemoryBytes = 2000 }); r.Added != 30 {
		t.Errorf("%+v", r)
	}
}

func TestFullBatches(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 64)
	b.index(nil)
	if got := b.model.batches.Load(); got != 4 {
		t.Errorf("64 pictures went in %d batches, want 4 of 16", got)
	}
}

func TestPhotoGuard(t *testing.T) {
	photo, err := os.ReadFile("../picture/testdata/golden/camera.jpg")
	must(t, err)
	b := newBench(t)
	for i := range 19 {
		write(t, b.path(fmt.Sprintf("%02d.jpg", i)), append(slices.Clone(photo), byte(i)))
	}
	reds(t, b.dir, 30)
	guarded := func(o *Options) { o.IllustrationsOnly = true }
	if r := b.index(guarded); r.Pictures != 49 {
		t.Errorf("19 photographs: %+v", r)
	}
	b.wantEmbedded(49)
	for i := range 20 {
		write(t, b.path(fmt.Sprintf("x%02d.jpg", i)), append(slices.Clone(photo), byte(i+50)))
	}
	_, err = b.tryIndex(context.Background(), guarded)
	var e *Error
	if !errors.Is(err, ErrPhotos) || !errors.As(err, &e) || e.Kind != KindPhotos {
		t.Errorf("20 photographs: %v; want ErrPhotos", err)
	}
	b.wantEmbedded(0)
	if r := b.index(func(o *Options) { o.IllustrationsOnly, o.Named = true, true }); r.Added != 20 {
		t.Errorf("insisted: %+v", r)
	}
	write(t, b.path("y.jpg"), append(slices.Clone(photo), 99))
	if r := b.index(guarded); r.Added != 1 {
		t.Errorf("after insisting once: %+v", r)
	}
}

func TestOtherModel(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 2)
	b.index(nil)
	b.model = &colours{print: "2"}
	var e *Error
	if _, err := b.tryIndex(context.Background(), nil); !errors.As(err, &e) || e.Kind != KindModel || !strings.Contains(e.Message, "emblem library migrate --library test") {
		t.Errorf("index with another model: %v", err)
	}
	q, _ := ParseQuery("red")
	if _, err := b.lib().Search(context.Background(), b.model, q, SearchOptions{}); !errors.As(err, &e) || e.Kind != KindModel {
		t.Errorf("search with another model: %v", err)
	}
}

func TestMissingRoot(t *testing.T) {
	b := newBench(t)
	var e *Error
	if _, err := b.tryIndex(context.Background(), func(o *Options) { o.Roots = []string{b.path("none")} }); !errors.As(err, &e) || e.Kind != KindPath {
		t.Errorf("%v; want KindPath", err)
	}
}

// A folder that cannot be read keeps what is known of it.
func TestUnreadableFolder(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("permissions do not bind root")
	}
	b := newBench(t)
	reds(t, b.path("a"), 10)
	reds(t, b.path("b"), 1)
	b.index(nil)
	must(t, os.Chmod(b.path("b"), 0))
	defer os.Chmod(b.path("b"), 0o755)
	if r := b.index(nil); r.Gone != 0 || r.Pictures != 11 || r.Failed[unreadableFolder] != 1 {
		t.Errorf("%+v", r)
	}
}

func TestManyUnchanged(t *testing.T) {
	b := newBench(t)
	const n = 20_000
	one := pngOf(t, red, 2, 2)
	for i := range n {
		path := b.path(fmt.Sprintf("%02d/%05d.png", i/500, i))
		if i%500 == 0 {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		}
		must(t, os.WriteFile(path, one, 0o644))
	}
	if r := b.index(nil); r.Added != 1 || r.Reused != n-1 {
		t.Errorf("first: %+v", r)
	}
	start := time.Now()
	if r := b.index(nil); r.Unchanged != n {
		t.Errorf("second: %+v", r)
	}
	t.Logf("%d unchanged files in %v", n, time.Since(start))
	b.wantEmbedded(1)
}
