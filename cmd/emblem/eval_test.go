package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEvalBuiltin measures the model on a few pictures of the set.
func TestEvalBuiltin(t *testing.T) {
	dir, truth := t.TempDir(), map[string][]any{}
	raw, err := os.ReadFile("../../internal/evaluate/builtin/truth.json")
	if err != nil || json.Unmarshal(raw, &truth) != nil {
		t.Fatal(err)
	}
	truth["singles"], truth["synonyms"], truth["names"], truth["queries"] = nil, nil, nil, nil
	for _, part := range []string{"concepts", "scenes", "white", "twins", "choices", "questions"} {
		truth[part] = truth[part][:4]
	}
	small, _ := json.Marshal(truth)
	sheet, err := os.ReadFile("../../internal/evaluate/builtin/pictures.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"truth.json": small, "pictures.jpg": sheet} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := runCLI(t, "", "eval", "builtin", "--set", dir, "--json")
	var found evaluated
	if code != 0 || json.Unmarshal([]byte(out), &found) != nil {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	values := map[string]float64{}
	for _, r := range found.Rows {
		values[r.Name] = r.Value
	}
	if found.Model != "builtin/search" || values["on white: caption to picture, recall 10"] != 1 || values["questions that are read"] == 0 {
		t.Errorf("%+v", found)
	}
	code, out, _ = runCLI(t, "", "eval", "builtin", "--set", dir)
	if code != 0 || !strings.Contains(out, "chance") || !strings.Contains(out, "100.0 %") {
		t.Errorf("%d %s", code, out)
	}
}

func TestEvalRefusesWhatIsNoSet(t *testing.T) {
	code, out, errs := runCLI(t, "", "eval", "builtin", "--set", t.TempDir())
	if code != exitUsage || out != "" || !strings.Contains(errs, "truth.json") {
		t.Errorf("%d %q %q", code, out, errs)
	}
}
