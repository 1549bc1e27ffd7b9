package library

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"sync/atomic"
	"testing"
)

// speaker finds words by a picture's width.
type speaker struct {
	name  string
	asked atomic.Int32
	err   error
}

func (s *speaker) Name() string { return s.name }

func (s *speaker) Describe(_ context.Context, img image.Image, captioned bool) (caption, text string, err error) {
	s.asked.Add(1)
	return "zeppelin over water " + s.name, fmt.Sprintf("quay %d", img.Bounds().Dx()), s.err
}

// found are the paths that words find.
func (b *bench) found(words string) (paths []string) {
	b.t.Helper()
	q, err := ParseQuery(words)
	must(b.t, err)
	hits, err := b.lib().Search(context.Background(), nil, q, SearchOptions{By: ByWords})
	must(b.t, err)
	for _, h := range hits {
		paths = append(paths, h.Path)
	}
	return paths
}

// TestDescribe: pictures are found by words that were found for them: new ones and those
// that were there, once for each content, again when something else finds the words, and
// not again otherwise.
func TestDescribe(t *testing.T) {
	b := newBench(t)
	write(t, b.path("red.png"), pngOf(t, red, 10, 10))
	b.index(nil)
	if len(b.found("zeppelin")) != 0 {
		t.Fatal("there are words already")
	}
	write(t, b.path("blue.png"), pngOf(t, blue, 12, 12))
	copied, err := os.ReadFile(b.path("red.png"))
	must(t, err)
	must(t, os.WriteFile(b.path("copy.png"), copied, 0o644))

	s := &speaker{name: "one"}
	describe := func(o *Options) { o.Describe = s }
	if r := b.index(describe); r.Added+r.Updated+r.Reused != 3 || s.asked.Load() != 2 {
		t.Errorf("%+v, asked %d times", r, s.asked.Load())
	}
	if got := b.found("zeppelin"); len(got) != 3 {
		t.Errorf("the caption finds %v", got)
	}
	if got := b.found("quay"); len(got) != 3 {
		t.Errorf("the text finds %v", got)
	}
	if r := b.index(describe); r.Unchanged != 3 || s.asked.Load() != 2 {
		t.Errorf("the second time: %+v, asked %d times", r, s.asked.Load())
	}

	// Without one, and when a file moves, the words stay.
	must(t, os.Rename(b.path("blue.png"), b.path("moved.png")))
	if r := b.index(nil); r.Reused != 1 || len(b.found("zeppelin")) != 3 {
		t.Errorf("%+v, the caption finds %v", r, b.found("zeppelin"))
	}
	if r := b.index(func(o *Options) { o.Verify = true }); r.Unchanged != 3 || len(b.found("quay")) != 3 {
		t.Errorf("%+v, the text finds %v", r, b.found("quay"))
	}

	s.name = "two"
	b.index(describe)
	if got := b.found("two"); len(got) != 3 || s.asked.Load() != 4 {
		t.Errorf("another one's caption finds %v, asked %d times", got, s.asked.Load())
	}
	d, err := b.lib().Document(b.path("red.png"))
	must(t, err)
	if d.Metadata["caption"] != "zeppelin over water two" || d.Metadata["text"] == nil || public(d.Metadata)["describer"] != nil {
		t.Errorf("%v", d.Metadata)
	}

	s.name, s.err = "three", errors.New("out of words")
	if _, err := b.tryIndex(context.Background(), describe); !errors.Is(err, s.err) {
		t.Error(err)
	}
}
