package evaluate

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion"
)

// small is a part of the set that takes a moment.
func small(t *testing.T) (*Set, *fusion.DualEncoder) {
	t.Helper()
	if set := os.Getenv("EMBLEM_KERNELS"); set != "" {
		t.Skipf("kernels %s are asked for; this is about the model, not about them", set)
	}
	m, err := fusion.Load(context.Background(), "../builtin/search", fusion.Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return Builtin(), m
}

// The built-in model must not get worse: these floors are a little below what it
// reached when it was committed (docs/builtin-models.md).
func TestBuiltinModelKeepsItsFigures(t *testing.T) {
	s, m := small(t)
	s.White, s.Twins, s.Questions = s.White[:40], s.Twins[:12], s.Questions[:24]
	ctx, work := context.Background(), newMeasure(s, m)
	if err := work.white(ctx, "known"); err != nil {
		t.Fatal(err)
	}
	if err := work.twins(ctx, "known"); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Ask(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	least := map[string]float64{"on white: caption to picture, recall 1": .95, "twins, swap: the right text": .9, "questions of all families": .55}
	for _, r := range append(work.rows, rows...) {
		t.Logf("%s, %s: %.3f of %d, chance %.3f", r.Name, r.Style, r.Value, r.N, r.Chance)
		if want, ok := least[r.Name]; ok {
			delete(least, r.Name)
			if r.Value < want {
				t.Errorf("%s: %.3f, want at least %.3f", r.Name, r.Value, want)
			}
		}
	}
	if len(least) > 0 {
		t.Errorf("not measured: %v", least)
	}
}

func TestSetsThatLackPicturesAreRefused(t *testing.T) {
	s := Builtin()
	s.Twins[0].Tiles[1] = 1 << 20
	if err := s.check(); err == nil || !strings.Contains(err.Error(), "tile 1048576") {
		t.Errorf("a tile that is not there: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "truth.json") {
		t.Errorf("an empty folder: %v", err)
	}
}
