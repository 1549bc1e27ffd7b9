package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBundleCommand carries a pulled model and a folder to a machine without a network.
func TestBundleCommand(t *testing.T) {
	d := newDesk(t)
	h := serveModel(d, tinyFiles(t))
	d.must("pull", "org/tiny")
	h.Close()
	folder := filepath.Join(d.path("models"), "mine")
	if err := os.CopyFS(folder, os.DirFS(tinyModel)); err != nil {
		t.Fatal(err)
	}
	out := d.path("models.tar")
	if r := d.must("bundle", out, "org/tiny", folder); r.stdout != out+"\n" {
		t.Errorf("%+v", r)
	}
	if r := d.run("bundle", out, "org/tiny"); r.code != 2 || !strings.Contains(r.stderr, "is there already") {
		t.Errorf("a bundle is overwritten: %+v", r)
	}
	t.Setenv("HF_HOME", d.path("other"))
	t.Setenv("HF_HUB_OFFLINE", "1")
	to := d.path("there")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	r := d.must("bundle", "--install", out, "--to", to, "--json")
	list := jsonLines[installedLine](t, r.stdout)
	if len(list) != 2 || list[0].Repo != "org/tiny" || list[1].Dir != filepath.Join(to, "mine") {
		t.Errorf("%+v", list)
	}
	for _, model := range []string{"org/tiny", list[1].Dir} {
		d.must("embed", "--json", "--model", model, "--text", "a cat")
	}
	for _, c := range [][]string{{"bundle"}, {"bundle", out}, {"bundle", "--install"}, {"bundle", "--install", "a", "b"}, {"bundle", d.path("x.tar"), "org/none"}, {"bundle", d.path("x.tar"), "builtin/search"}, {"bundle", "--install", d.path("none.tar")}, {"bundle", "--install", folder + "/config.json"}} {
		if r := d.run(c...); r.code == 0 || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%v: %+v", c, r)
		}
	}
}
