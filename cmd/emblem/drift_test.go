package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDriftIsTold: a folder whose two configurations do not agree is used, with a warning.
func TestDriftIsTold(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 1)
	model := d.path("model")
	if err := os.CopyFS(model, os.DirFS(clips+"clip-legacy")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "open_clip_config.json"), []byte(`{"model_cfg":{"quick_gelu":false}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	const warning = "the model may not be what its folder says; see emblem doctor"
	for _, args := range [][]string{
		{"index", "--model", model, d.path("p")},
		{"search", "red", "--min-probability", "0"},
		{"embed", "--model", model, "--json", "--text", "red"},
	} {
		if code, _, errs := runReal(d, args...); code != 0 || strings.Count(errs, warning) != 1 || !strings.Contains(errs, "quick_gelu") {
			t.Errorf("%s: %d %s", args[0], code, errs)
		}
	}
}
