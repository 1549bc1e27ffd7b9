package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/emblem-search/emblem/internal/builtin"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/safetensors"
)

// migration is what library migrate --json says.
func (r result) migration(t *testing.T) library.Migration {
	t.Helper()
	var m library.Migration
	if err := json.Unmarshal([]byte(r.stdout), &m); err != nil || r.code != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	return m
}

func TestMigrateCommand(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 40)
	d.paint("p", "b", blue, 40)
	d.must("index", d.path("p"))
	for args, says := range map[string]string{
		"library migrate":                            "say which model",
		"library migrate --model x --rollback":       "say one of",
		"library migrate --model none":               `no model "none"`,
		"library migrate --model builtin/search":     "already",
		"library migrate --rollback":                 "no migration to roll back",
		"library migrate --model x --library absent": `no library "absent"`,
	} {
		if r := d.run(strings.Fields(args)...); r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: %+v; want %q", args, r, says)
		}
	}
	if err := os.Remove(d.path("p/r003.png")); err != nil {
		t.Fatal(err)
	}
	r := d.must("library", "migrate", "--model", "other")
	for _, line := range []string{"model        other", "way back     search, by --rollback", "left behind  1 not there; they keep their old vectors"} {
		if !strings.Contains(r.stdout, line+"\n") {
			t.Errorf("no %q in\n%s", line, r.stdout)
		}
	}
	if r = d.must("search", "blue", "-n", "1", "--json"); !strings.Contains(r.stdout, `"model":"other"`) || !strings.Contains(r.stdout, d.path("p/b0")) {
		t.Errorf("%+v", r)
	}
	if m := d.must("library", "migrate", "--rollback", "--json").migration(t); m.Model != "search" || m.Previous != "other" || m.Pictures != 80 {
		t.Errorf("%+v", m)
	}
	if r = d.must("search", "blue", "-n", "1", "--json"); !strings.Contains(r.stdout, `"model":"search"`) {
		t.Errorf("%+v", r)
	}
}

// A migration goes through the process that owns the directory, is interrupted and
// goes on; what watches a folder goes on too, with the new model.
func TestMigrateBesideWatch(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	d := newDesk(t)
	d.paint("p", "r", red, 150)
	d.own(10, "index", "--watch", d.path("p")) // 10 batches index, the next wait for the gate
	d.waitFor(150)
	first := d.start(many, "library", "migrate", "--model", "other")
	for d.must("library", "migrate", "--status", "--json").migration(t).Next == "" {
		runtime.Gosched()
	}
	first.Process.Signal(syscall.SIGINT)
	if r := first.result(); r.code != 130 {
		t.Errorf("interrupted: %+v", r)
	}
	d.openGate()
	if r := d.run("library", "migrate", "--model", "third"); r.code != 2 && r.code != 1 || !strings.Contains(r.stderr, "other") && !strings.Contains(r.stderr, "being migrated") {
		t.Errorf("another meanwhile: %+v", r)
	}
	var m library.Migration
	for m.Model != "other" { // the owner may not have noticed yet that the first went
		if r := d.run("library", "migrate", "--model", "other", "--json"); r.code == 0 {
			m = r.migration(t)
		} else if !strings.Contains(r.stderr, "being migrated") {
			t.Fatalf("%+v", r)
		}
	}
	if m.Pictures != 150 || m.Done != 150 {
		t.Errorf("%+v", m)
	}
	d.paint("p", "new", blue, 1)
	d.waitFor(151)
	if r := d.must("search", "blue", "-n", "1", "--json"); !strings.Contains(r.stdout, `"model":"other"`) || !strings.Contains(r.stdout, d.path("p/new000.png")) {
		t.Errorf("%+v", r)
	}
}

// The built-in model gives way to itself with coarser weights.
func TestMigrateBuiltin(t *testing.T) {
	const pictures = "../../testdata/pictures"
	d := newDesk(t)
	run := func(args ...string) result {
		t.Helper()
		var out, errs bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &errs)
		a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
		code := a.execute(context.Background(), args)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, &errs)
		}
		return result{code, out.String(), errs.String()}
	}
	coarse := d.path("coarse")
	coarsen(t, coarse)
	run("index", pictures)
	before := run("search", "a cat to the left of a red car", "-n", "3", "--paths").stdout
	m := run("library", "migrate", "--model", coarse, "--json").migration(t)
	if m.Model != "coarse" || m.Done != m.Pictures || m.Recall == nil || m.Recall.Pictures < 0.9 || *m.Recall.Words < 0.9 {
		t.Errorf("%+v, recall %+v", m, m.Recall)
	}
	if after := run("search", "a cat to the left of a red car", "-n", "3", "--paths").stdout; after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

// coarsen writes the built-in model's folder with weights of 8 bits precision.
func coarsen(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, builtin.Search()); err != nil {
		t.Fatal(err)
	}
	set, err := safetensors.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var coarse []safetensors.View
	for _, name := range set.Names() {
		v, _ := set.Get(name)
		wide := make([]float32, len(v.Data)/2)
		if err := safetensors.ToF32(wide, v); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 0, len(v.Data))
		for _, x := range wide {
			data = binary.LittleEndian.AppendUint16(data, uint16(math.Float32bits(x)>>16))
		}
		coarse = append(coarse, safetensors.View{Name: v.Name, DType: safetensors.BF16, Shape: v.Shape, Data: data})
	}
	set.Close()
	if err := safetensors.Write(filepath.Join(dir, "model.safetensors"), coarse, nil); err != nil {
		t.Fatal(err)
	}
}
