package library

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/fusion/ask"
)

// drawn is the built-in model as a library takes it.
type drawn struct{ *fusion.DualEncoder }

func (drawn) Fingerprint() string        { return "drawn" }
func (d drawn) LogitScale() float32      { return float32(d.Scale()) }
func (drawn) LogitBias() (float32, bool) { return 0, false }

// sample is a library of the 200 sample pictures and what each of them shows.
func sample(t *testing.T) (*Library, drawn, map[string][]string, string) {
	t.Helper()
	if set := os.Getenv("EMBLEM_KERNELS"); set != "" {
		t.Skipf("kernels %s are asked for; this is about the model, not about them, and slow ones take minutes", set)
	}
	m, err := fusion.Load(t.Context(), "../builtin/search", fusion.Options{DType: "f32"})
	must(t, err)
	t.Cleanup(func() { m.Close() })
	dir := t.TempDir()
	files := os.DirFS("../../testdata/pictures")
	names, err := fs.Glob(files, "*.jpg")
	must(t, err)
	for _, n := range names {
		data, err := fs.ReadFile(files, n)
		must(t, err)
		write(t, filepath.Join(dir, n), data)
	}
	raw, err := fs.ReadFile(files, "captions.json")
	must(t, err)
	var list []struct {
		File    string
		Objects []string
	}
	must(t, json.Unmarshal(raw, &list))
	shows := map[string][]string{}
	for _, x := range list {
		for i, o := range x.Objects {
			if i == 0 || !strings.Contains(strings.Join(x.Objects[:i], "|"), o) {
				shows[o] = append(shows[o], filepath.Join(dir, x.File))
			}
		}
	}
	store, err := OpenStore(t.TempDir())
	must(t, err)
	t.Cleanup(func() { store.Close() })
	l, err := store.Create("mine")
	must(t, err)
	_, err = l.Index(t.Context(), drawn{m}, Options{Roots: []string{dir}})
	must(t, err)
	return l, drawn{m}, shows, dir
}

// TestAskCounts asks how many of the sample pictures show each thing: the intervals hold
// the truth, and what is cited is there.
func TestAskCounts(t *testing.T) {
	l, m, shows, _ := sample(t)
	held, n, cited, right := 0, 0, 0, 0
	for name, where := range shows {
		if len(where) < 2 {
			continue
		}
		a, err := l.Ask(t.Context(), m, "how many of my pictures show a "+name+"?", ask.CollectionOptions{})
		var uncovered *ask.UncoveredError
		if errors.As(err, &uncovered) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		must(t, err)
		n++
		if a.Count == nil || a.Count.Of != 200 || a.Inspected != 200 {
			t.Fatalf("%s: %+v", name, a)
		}
		if a.Count.Low <= len(where) && len(where) <= a.Count.High {
			held++
		}
		for _, x := range a.Annotations {
			cited++
			if strings.Contains(strings.Join(where, "|"), x.ID) {
				right++
			}
		}
	}
	t.Logf("%d of %d intervals hold the truth; %d of %d citations are right", held, n, right, cited)
	if n < 20 || held*100 < n*90 || right*100 < cited*50 {
		t.Error("the counts cannot be trusted")
	}
}

// TestAskSamples: with a small budget the rest is sampled, and the answer says how many
// were inspected.
func TestAskSamples(t *testing.T) {
	l, m, shows, _ := sample(t)
	a, err := l.Ask(t.Context(), m, "how many of my pictures show a hiking boot?", ask.CollectionOptions{Budget: 60})
	must(t, err)
	if n := len(shows["hiking boot"]); a.Inspected > 60 || a.Inspected < 30 || a.Count.Low > n || a.Count.High < n || a.Count.Of != 200 {
		t.Errorf("%+v, %+v; there are %d", a, a.Count, n)
	}
}

// TestAskCites: other questions are answered from the pictures that show what is asked.
func TestAskCites(t *testing.T) {
	l, m, shows, _ := sample(t)
	a, err := l.Ask(t.Context(), m, "where is the giraffe?", ask.CollectionOptions{})
	must(t, err)
	if len(a.Annotations) == 0 || !strings.Contains(strings.Join(shows["giraffe"], "|"), a.Annotations[0].ID) {
		t.Errorf("%+v", a)
	}
	if a, err = l.Ask(t.Context(), m, "what colour is the quokka holding a trombone?", ask.CollectionOptions{}); err == nil && !a.Abstained && len(a.Annotations) > 4 {
		t.Errorf("%+v", a)
	}
	var uncovered *ask.UncoveredError
	if _, err = l.Ask(t.Context(), m, "why?", ask.CollectionOptions{}); !errors.As(err, &uncovered) {
		t.Errorf("%v", err)
	}
}

// TestCorrections: what somebody said is used at once, for the same question in other
// words and for a copy of the picture, counts with it, survives a backup, and can be taken
// back.
func TestCorrections(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	reds(t, dir, 3)
	store, err := OpenStore(t.TempDir())
	must(t, err)
	defer store.Close()
	l, err := store.Create("mine")
	must(t, err)
	m := &colours{}
	_, err = l.Index(ctx, m, Options{Roots: []string{dir}})
	must(t, err)
	id := filepath.Join(dir, "red000.png")

	for _, bad := range []ask.Correction{{}, {Question: "is there a dog?", Answer: "yes"}, {Question: "q", Answer: strings.Repeat("x", 2000), Document: id}, {Question: "q", Answer: "a", Document: "/none"}} {
		if _, err := l.Correct(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	c, err := l.Correct(ask.Correction{Question: "Is there a dog?", Answer: "yes", Document: id})
	must(t, err)
	d, err := l.Document(id)
	must(t, err)
	vector := d.Vectors[l.Space()][0]
	for _, document := range []string{id, ""} {
		got, err := l.Corrected("do you see any dogs?", document, vector, m.Fingerprint())
		if err != nil || got == nil || got.Answer != "yes" {
			t.Errorf("%q: %+v, %v", document, got, err)
		}
	}
	if got, err := l.Corrected("is there a cat?", id, vector, m.Fingerprint()); got != nil || err != nil {
		t.Errorf("another question: %+v, %v", got, err)
	}
	if got, err := l.Corrected("is there a dog?", "", colourVector(0, 1, 0), m.Fingerprint()); got != nil || err != nil {
		t.Errorf("another picture: %+v, %v", got, err)
	}
	a, err := l.Ask(ctx, m, "how many of my pictures show a dog?", ask.CollectionOptions{})
	must(t, err)
	if len(a.Annotations) == 0 || a.Annotations[0].Correction != c.ID || a.Count.Low < 1 {
		t.Errorf("%+v", a)
	}

	again, err := l.Correct(ask.Correction{Question: "is there a dog", Answer: "no", Document: id})
	must(t, err)
	if list, err := l.Corrections(); err != nil || len(list) != 1 || list[0].Answer != "no" {
		t.Errorf("%+v, %v", list, err)
	}
	backups := t.TempDir()
	_, err = l.Backup(ctx, backups, 0)
	must(t, err)
	_, err = store.Restore(ctx, backups, "", "restored")
	must(t, err)
	r, err := store.Open("restored")
	must(t, err)
	if list, err := r.Corrections(); err != nil || len(list) != 1 || list[0].ID != again.ID {
		t.Errorf("restored: %+v, %v", list, err)
	}
	must(t, l.Revoke(again.ID))
	if got, err := l.Corrected("is there a dog?", id, vector, m.Fingerprint()); got != nil || err != nil {
		t.Errorf("taken back: %+v, %v", got, err)
	}
	if err := l.Revoke(again.ID); err == nil {
		t.Error("taken back twice")
	}
}
