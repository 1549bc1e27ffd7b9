package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emblem-search/emblem/internal/models"
)

// TestServeMemory serves two models within the room of one, and a third that never
// fits.
func TestServeMemory(t *testing.T) {
	folder := func(name string) string { return filepath.Join("../../fusion/testdata", name) }
	bytes := func(name string) int64 {
		m, err := models.Open(t.Context(), folder(name), models.Options{DType: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return int64(m.Bytes())
	}
	small := max(bytes("openclip"), bytes("siglip-72"))
	args := []string{"--data", "none", "--dtype", "f32", "--memory", fmt.Sprint(small + 1000),
		"--model", "a=" + folder("openclip"), "--model", "b=" + folder("siglip-72"), "--model", "big=" + models.Default}
	base, _, stop, errs := startServe(t, newDesk(t), args...)
	asked := 0
	ask := func(model string) (int, string) {
		asked++ // vectors are remembered: each question is a new one
		var a struct {
			Data  []struct{ Embedding []float32 }
			Error struct{ Message string }
		}
		code := post(t, base+"/v1/embeddings", fmt.Sprintf(`{"model":%q,"input":%q}`, model, strings.Repeat("cat ", asked)), &a)
		return code, a.Error.Message
	}
	loaded := func() string {
		var list struct {
			Data []struct {
				ID     string
				Loaded bool
			}
		}
		if err := json.Unmarshal([]byte(get(t, base+"/v1/models")), &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range list.Data {
			if m.Loaded {
				names = append(names, m.ID)
			}
		}
		return strings.Join(names, " ")
	}
	if got := loaded(); got != "a" {
		t.Errorf("in memory at the start: %q, want the first model", got)
	}
	for _, m := range []string{"b", "a", "b"} {
		if code, words := ask(m); code != http.StatusOK {
			t.Fatalf("%s: %d %s", m, code, words)
		}
		if m == "b" && loaded() != "b" {
			t.Errorf("in memory: %q, want b", loaded())
		}
	}
	code, words := ask("big")
	if code != http.StatusServiceUnavailable || !strings.Contains(words, "--memory") {
		t.Errorf("a model that is too large: %d %s", code, words)
	}
	if !strings.Contains(errs.String(), "larger than --memory") {
		t.Errorf("nothing is said at the start of a model that is too large: %s", errs)
	}
	if code, words := ask("a"); code != http.StatusOK {
		t.Errorf("the service is ill after a model that is too large: %d %s", code, words)
	}
	if code := stop(); code != 0 && code != 130 {
		t.Errorf("exit %d: %s", code, errs)
	}
	d := newDesk(t)
	code, _, said := runReal(d, "serve", "--addr", "127.0.0.1:0", "--data", "none", "--memory", "1KB")
	if code != 2 || !strings.Contains(said, "--memory") {
		t.Errorf("a first model that is too large: exit %d %s", code, said)
	}
}

func TestSizeAndKeeping(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "500MB": 5e8, "2GB": 2e9, "1.5GiB": 3 << 29, "2 gb": 2e9, "3m": 3e6, "7B": 7} {
		var s size
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%q: %d, %v; want %d", in, s, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1GB", "GB", "1XB", "nan", "inf", "1e30TB"} {
		if err := new(size).Set(in); err == nil {
			t.Errorf("%q is a size", in)
		}
	}
	for in, want := range map[string]time.Duration{"5m": 5 * time.Minute, "90": 90 * time.Second, "0": 0, "-1": models.Forever, "-5m": models.Forever} {
		var k keeping
		if err := k.Set(in); err != nil || time.Duration(k) != want {
			t.Errorf("%q: %v, %v; want %v", in, time.Duration(k), err, want)
		}
	}
	if err := new(keeping).Set("soon"); err == nil {
		t.Error("soon is a duration")
	}
}
