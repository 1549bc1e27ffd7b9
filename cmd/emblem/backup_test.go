package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// state is all that a library says of its documents, and how it answers.
func (d *desk) state(library string) string {
	d.t.Helper()
	var in strings.Builder
	for i := range 60 {
		fmt.Fprintf(&in, `{"op":"get","id":"doc/%d"}`+"\n", i)
	}
	in.WriteString(`{"op":"search","vector":[1,3,2],"limit":60,"exact":true}` + "\n" + `{"op":"search","filter":"tag:sea","limit":60}` + "\n" + `{"op":"search","words":"sea","limit":60}`)
	r := d.apply(in.String(), "--library", library)
	if r.code != 0 {
		d.t.Fatalf("%+v", r)
	}
	var out strings.Builder
	for line := range strings.Lines(r.stdout) {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			d.t.Fatal(err)
		}
		for _, k := range []string{"plan", "visited", "rescored", "expected_recall"} {
			delete(got, k)
		}
		text, _ := json.Marshal(got)
		fmt.Fprintln(&out, string(text))
	}
	return out.String()
}

func (d *desk) change(from, to int, tag string) {
	d.t.Helper()
	var in strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&in, `{"op":"put","id":"doc/%d","vector":[1,%d,%d],"metadata":{"tag":%q,"caption":"by the %s"}}`+"\n", i, i%7, i%5, tag, tag)
	}
	fmt.Fprintf(&in, `{"op":"delete","id":"doc/%d"}`, from)
	if r := d.apply(in.String(), "--library", "mine"); r.code != 0 {
		d.t.Fatalf("%+v", r)
	}
}

// A library is made, backed up, changed, backed up again; both backups are restored
// and are what there was.
func TestBackupAndRestore(t *testing.T) {
	d := newDesk(t)
	folder := d.path("backups")
	d.change(0, 40, "sea")
	first := d.state("mine")
	var a, b backupLine
	unmarshal(t, d.must("library", "backup", folder, "--library", "mine", "--json").stdout, &a)
	d.change(20, 60, "snow")
	second := d.state("mine")
	unmarshal(t, d.must("library", "backup", folder, "--library", "mine", "--json").stdout, &b)
	if a.Backup == b.Backup || a.Seq >= b.Seq || *b.Copied > b.Bytes {
		t.Errorf("backups %+v and %+v", a, b)
	}
	d.must("library", "rm", "mine")
	d.must("library", "restore", folder, "--library", "mine")
	d.must("library", "restore", folder, "--library", "old", "--backup", a.Backup)
	if got := d.state("mine"); got != second {
		t.Errorf("the newest:\n%s\nwant\n%s", got, second)
	}
	if got := d.state("old"); got != first {
		t.Errorf("the first:\n%s\nwant\n%s", got, first)
	}
	for _, name := range []string{"mine", "old"} {
		d.must("library", "verify", name)
	}
	if r := d.must("library", "restore", folder, "--list"); strings.Count(r.stdout, "\n") != 2 || !strings.HasPrefix(r.stdout, a.Backup) {
		t.Errorf("list %q", r.stdout)
	}
	// The restored library goes on backing up there; an older one is pruned.
	if r := d.must("library", "backup", folder, "--library", "mine", "--keep", "2"); !strings.Contains(r.stdout, "are new") {
		t.Errorf("%q", r.stdout)
	}
	var list struct{ Backups []backupLine }
	unmarshal(t, d.must("library", "restore", folder, "--list", "--json").stdout, &list)
	if len(list.Backups) != 2 || list.Backups[0].Backup != b.Backup {
		t.Errorf("kept %+v", list.Backups)
	}
}

func unmarshal(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func TestBackupErrors(t *testing.T) {
	d := newDesk(t)
	folder := d.path("backups")
	d.change(0, 5, "sea")
	d.apply(`{"op":"put","id":"a","vector":[1]}`, "--library", "other")
	d.must("library", "backup", folder, "--library", "mine")
	d.write("empty/x", "")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"library", "backup", folder, "--library", "other"}, 2, "backups of another library"},
		{[]string{"library", "backup", folder, "--library", "none"}, 2, `no library "none"`},
		{[]string{"library", "backup", folder, "--keep", "-1"}, 2, "--keep"},
		{[]string{"library", "backup"}, 2, "arg"},
		{[]string{"library", "restore", folder, "--library", "mine"}, 2, "emblem library rm mine"},
		{[]string{"library", "restore", folder, "--library", "x", "--backup", "none"}, 1, "none"},
		{[]string{"library", "restore", d.path("empty"), "--library", "x"}, 1, d.path("empty")},
		{[]string{"library", "restore", d.path("absent"), "--library", "x"}, 2, "no folder"},
	} {
		if r := d.run(c.args...); r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, c.says) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%v: %+v; want exit %d and %q", c.args, r, c.code, c.says)
		}
	}
	entries, err := os.ReadDir(filepath.Join(d.data, "libraries"))
	if err != nil || len(entries) != 2 {
		t.Errorf("libraries %v, %v", entries, err)
	}
}

// Damaged files that are derived are found and made anew; compacting and rebuilding
// change no answer.
func TestUpkeep(t *testing.T) {
	d := newDesk(t)
	d.change(0, 60, "sea")
	d.change(0, 30, "snow")
	before := d.state("mine")
	for _, args := range [][]string{{"rebuild"}, {"compact"}, {"compact", "--drop-old"}, {"verify"}} {
		d.must(append(append([]string{"library"}, args...), "--library", "mine")...)
		if got := d.state("mine"); got != before {
			t.Errorf("after %v:\n%s\nwant\n%s", args, got, before)
		}
	}
	var v verifyResult
	unmarshal(t, d.must("library", "verify", "mine", "--json").stdout, &v)
	if r := d.must("library", "stats", "mine"); !strings.Contains(r.stdout, "documents      59, 0 of them hidden\nspace default  59 vectors of 3 numbers, cosine\n") {
		t.Errorf("%s", r.stdout)
	}
	if !v.Sound || v.Documents != 59 || v.Library != "mine" || v.Findings == nil || v.Derived == nil {
		t.Errorf("%+v", v)
	}
}

// Everything goes through the process that owns the directory.
func TestUpkeepThroughOwner(t *testing.T) {
	d := newDesk(t)
	d.change(0, 30, "sea")
	d.paint("w", "r", red, 1)
	alone := d.must("library", "verify", "mine").stdout
	d.own(many, "index", "--library", "other", "--watch", d.path("w"))
	if r := d.must("library", "verify", "mine"); r.stdout != alone {
		t.Errorf("alone %q, through the owner %q", alone, r.stdout)
	}
	before := d.state("mine")
	for _, args := range [][]string{{"backup", d.path("b")}, {"rebuild"}, {"compact"}, {"stats"}} {
		d.must(append(append([]string{"library"}, args...), "--library", "mine")...)
	}
	d.must("library", "restore", d.path("b"), "--library", "again")
	if got := d.state("again"); got != before {
		t.Errorf("restored:\n%s\nwant\n%s", got, before)
	}
}
