package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Fatal errors leave stdout empty and say one sentence, or one JSON object, on
// stderr.
func TestErrors(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 2)
	d.write("p/x.txt", "no picture")
	d.must("index", d.path("p"))
	d.write("bad.yaml", "colour: red\n")
	for _, c := range []struct {
		args string
		code int
		word string // the error's code
		says string
	}{
		{"nonsense", 2, "usage", "nonsense"},
		{"search", 2, "usage", "say what to look for"},
		{"search --limit x red", 2, "usage", "limit"},
		{"search -n 0 red", 2, "usage", "limit"},
		{"search --min-probability 2 red", 2, "usage", "min-probability"},
		{"search sunset over water", 2, "usage", `no file or folder "over"; quote the query: emblem search "sunset over water"`},
		{"search sunset over P", 2, "usage", `no file or folder "over"; quote the query: emblem search "sunset over" P`},
		{"search 0:red", 2, "bad_query", "weight"},
		{"search ./none.jpg", 2, "no_such_path", "none.jpg"},
		{"search --image P/x.txt", 1, "bad_picture", "x.txt"},
		{"search red --library none", 2, "library_not_found", "emblem index --library none"},
		{"search red --library ../x", 2, "bad_name", "../x"},
		{"search red --model none", 2, "model_not_found", "none"},
		{"search red --model other", 2, "model_mismatch", "emblem library migrate --library default --model other"},
		{"search red --min-probability 1", 3, "nothing_matched", "red"},
		{"index", 2, "usage", "arg"},
		{"index none", 2, "no_such_path", "none"},
		{"index --exclude [ P", 2, "bad_pattern", "["},
		{"index --model other P", 2, "model_mismatch", "emblem index --library default-2 --model other"},
		{"index --config bad.yaml P", 2, "config", "colour"},
		{"index --config absent.yaml P", 2, "config", "absent.yaml"},
		{"version --log-level loud", 2, "usage", "loud"},
		{"library", 2, "usage", "list"},
		{"library rm none", 2, "library_not_found", "none"},
		{"library rename default", 2, "usage", "arg"},
	} {
		var args []string
		for _, s := range strings.Fields(c.args) {
			s = strings.Replace(s, "P", d.path("p"), 1)
			if strings.HasSuffix(s, ".yaml") {
				s = d.path(s)
			}
			args = append(args, s)
		}
		says := strings.Replace(c.says, "P", d.path("p"), 1)
		r := d.run(args...)
		if r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, says) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit %d and %q", c.args, r.code, r.stdout, r.stderr, c.code, says)
		}
		if c.args == "library" {
			continue // it has no --json
		}
		r = d.run(append(args, "--json")...)
		var body struct {
			Error struct{ Message, Code string }
		}
		if err := json.Unmarshal([]byte(r.stderr), &body); err != nil || r.code != c.code || r.stdout != "" || body.Error.Code != c.word || !strings.Contains(body.Error.Message, says) {
			t.Errorf("%s --json: exit %d, stdout %q, stderr %q; want code %q", c.args, r.code, r.stdout, r.stderr, c.word)
		}
	}
	if r := d.run("library", "list"); strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("a failed command left a library behind: %q", r.stdout)
	}
}

func TestSearchOutput(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.paint("p", "b", blue, 3)
	d.must("index", d.path("p"))
	r := d.must("search", "red", "-n", "2", "--json")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2 || r.stderr != "" {
		t.Fatalf("stdout %q, stderr %q; want two lines", r.stdout, r.stderr)
	}
	var hit map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &hit); err != nil {
		t.Fatal(err)
	}
	if hit["rank"] != 1.0 || !strings.HasPrefix(hit["path"].(string), d.path("p/r00")) || hit["library"] != "default" || hit["model"] != "search" || hit["score"].(float64) < 0.9 || hit["probability"].(float64) < 0.5 || len(hit) != 6 {
		t.Errorf("hit %v", hit)
	}
	if r = d.must("search", "red", "-n", "1", "-0"); !strings.HasPrefix(r.stdout, d.path("p/r00")) || !strings.HasSuffix(r.stdout, ".png\x00") {
		t.Errorf("-0: %q", r.stdout)
	}
	if r = d.must("search", "blue", "-n", "1", "--paths"); r.stdout != d.path("p/b000.png")+"\n" {
		t.Errorf("--paths: %q", r.stdout)
	}
	if r = d.must("search", "blue", "-n", "1"); !strings.Contains(r.stdout, "  1  ") || strings.Contains(r.stdout, "\x1b") {
		t.Errorf("for people, not a terminal: %q", r.stdout)
	}
	if r = d.must("search", "--image", d.path("p/b002.png"), "-n", "1", "--paths"); r.stdout != d.path("p/b002.png")+"\n" {
		t.Errorf("--image: %q", r.stdout)
	}
	if r = d.must("search", d.path("p/b002.png")+" + 3:red", "-n", "1", "--paths"); !strings.HasPrefix(r.stdout, d.path("p/r")) {
		t.Errorf("a picture and words: %q", r.stdout)
	}
}

func TestSearchPaths(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.paint("q", "r", red, 3)
	d.paint("q", "b", blue, 3)
	r := d.must("search", "red", d.path("p"), d.path("q/b000.png"), "--json", "--min-probability", "0")
	if n := strings.Count(r.stdout, "\n"); n != 4 {
		t.Errorf("%d hits, want the 4 files of the paths:\n%s", n, r.stdout)
	}
	d.paint("p", "new", blue, 1)
	if r = d.must("search", "blue", d.path("q/b000.png"), d.path("p"), "--paths", "-n", "2"); !strings.Contains(r.stdout, d.path("p/new000.png")+"\n") {
		t.Errorf("a new file of a known path: %q", r.stdout)
	}
	if r = d.run("library", "list"); r.stdout != "" {
		t.Errorf("searching paths made a library: %q", r.stdout)
	}
	// --image first: what follows is a path if it is one.
	if r = d.must("search", "--image", d.path("q/b001.png"), d.path("p"), "--paths"); strings.Contains(r.stdout, d.path("q")) || !strings.HasPrefix(r.stdout, d.path("p/new000.png")) {
		t.Errorf("--image with a path: %q", r.stdout)
	}
	// A named library is searched as it is, within the paths.
	d.must("index", d.path("q"))
	if r = d.must("search", "red", d.path("q/b001.png"), "--library", "default", "--paths", "--min-probability", "0"); r.stdout != d.path("q/b001.png")+"\n" {
		t.Errorf("paths within a library: %q", r.stdout)
	}
}

// What does not match is not shown: every format says so alike, and one flag shows
// it all the same.
func TestSearchCut(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "b", blue, 30)
	d.must("index", d.path("p"))
	for _, format := range []string{"", "--paths", "-0", "--json"} {
		args := strings.Fields("search red " + format)
		r := d.run(args...)
		if r.code != 3 || r.stdout != "" || !strings.Contains(r.stderr, "the nearest is "+d.path("p/b0")) || !strings.Contains(r.stderr, "--min-probability 0") {
			t.Errorf("%v: exit %d, %q, %q", args, r.code, r.stdout, r.stderr)
		}
		if r = d.must(append(args, "--min-probability", "0", "-n", "2")...); !strings.Contains(r.stdout, d.path("p/b0")) {
			t.Errorf("%v: all the same: %q", args, r.stdout)
		}
		if r = d.must(append(args[:1:1], strings.Fields("blue -n 1 "+format)...)...); !strings.Contains(r.stdout, d.path("p/b0")) {
			t.Errorf("blue %s: %q", format, r.stdout)
		}
	}
}

func TestIndexOutput(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.write("p/broken.png", "\x89PNG\r\n\x1a\nnothing")
	r := d.must("index", d.path("p"))
	for _, want := range []string{"warning: skipped " + d.path("p/broken.png"), "library default: 3 pictures, 3 added", "1 file could not be read: 1 corrupt", "kernels test"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.stderr)
		}
	}
	if r.stdout != "" {
		t.Errorf("stdout %q", r.stdout)
	}
	if r = d.run("index", "--strict", d.path("p")); r.code != 1 {
		t.Errorf("--strict with a known broken file: exit %d", r.code)
	}
	d.paint("p", "b", blue, 1)
	r = d.must("index", "--json", d.path("p"))
	var item struct{ Path, Status, Library, Model string }
	var report struct {
		Pictures, Added, Unchanged int
		Model                      string
	}
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &item) != nil || json.Unmarshal([]byte(lines[1]), &report) != nil {
		t.Fatalf("--json: %q", r.stdout)
	}
	if item.Path != d.path("p/b000.png") || item.Status != "added" || item.Library != "default" || item.Model != "search" || report.Pictures != 4 || report.Added != 1 || report.Unchanged != 3 || report.Model != "search" {
		t.Errorf("item %+v, report %+v", item, report)
	}
}

func TestLibraryCommands(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 3)
	d.must("index", "--library", "a", d.path("p"))
	d.must("index", "--library", "b", "--model", "other", d.path("p/r000.png"))
	if r := d.must("library", "list"); !strings.HasPrefix(r.stdout, "a  3 pictures  search") || !strings.Contains(r.stdout, "b  1 picture   other") {
		t.Errorf("list: %q", r.stdout)
	}
	d.must("library", "rename", "a", "photos")
	if r := d.must("search", "red", "--library", "photos", "-n", "1", "--paths"); r.stdout == "" {
		t.Error("a renamed library finds nothing")
	}
	// A library without --model keeps its own.
	d.must("index", "--library", "b", d.path("p"))
	r := d.must("library", "stats", "b", "--json")
	var stats struct {
		Library, Model string
		Pictures       int
		Roots          []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &stats); err != nil || stats.Library != "b" || stats.Model != "other" || stats.Pictures != 3 || !slices.Equal(stats.Roots, []string{d.path("p"), d.path("p/r000.png")}) {
		t.Errorf("stats %+v, %v", stats, err)
	}
	if r = d.must("library", "stats", "--library", "b"); !strings.Contains(r.stdout, "pictures     3") {
		t.Errorf("stats for people: %q", r.stdout)
	}
	d.must("library", "rm", "photos")
	if r := d.run("library", "rename", "b", "b"); r.code != 2 {
		t.Errorf("rename onto itself: %+v", r)
	}
	if r = d.must("library", "list", "--json"); strings.Count(r.stdout, `"library":`) != 1 {
		t.Errorf("after rm: %q", r.stdout)
	}
}

func TestConfigOrder(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 5)
	d.must("index", d.path("p"))
	hits := func(want int, args ...string) {
		t.Helper()
		if r := d.must(append([]string{"search", "red", "--paths"}, args...)...); strings.Count(r.stdout, "\n") != want {
			t.Errorf("%v: %d hits, want %d", args, strings.Count(r.stdout, "\n"), want)
		}
	}
	hits(5)
	d.write("config/emblem/config.yaml", "limit: 4\n")
	hits(4)
	d.write("config/emblem/config.yaml", "limit: 4\nsearch:\n  limit: 3\nindex:\n  exclude: ['*.tmp', '{a,b}']\naliases:\n  photos: other\n")
	hits(3)
	d.env["EMBLEM_LIMIT"] = "2"
	hits(2)
	hits(1, "--limit", "1")
	delete(d.env, "EMBLEM_LIMIT")
	d.must("index", "--library", "x", "--model", "photos", d.path("p"))
	if r := d.must("library", "list"); !strings.Contains(r.stdout, "other") {
		t.Errorf("the alias was not used: %q", r.stdout)
	}
	d.env["EMBLEM_EXCLUDE"] = "r000.png,r001.png"
	if r := d.must("index", "--library", "y", d.path("p")); !strings.Contains(r.stderr, "3 pictures") {
		t.Errorf("two patterns from the environment: %q", r.stderr)
	}
	d.env["EMBLEM_LIMIT"] = "many"
	if r := d.run("search", "red"); r.code != 2 || !strings.Contains(r.stderr, "EMBLEM_LIMIT") {
		t.Errorf("a bad value in the environment: %+v", r)
	}
}

func TestVersion(t *testing.T) {
	d := newDesk(t)
	var v release
	if r := d.must("version", "--json"); json.Unmarshal([]byte(r.stdout), &v) != nil || v.Kernels != "test" || v.Go == "" || v.Version == "" {
		t.Errorf("version %+v", r)
	}
	if r := d.must("version"); !strings.HasPrefix(r.stdout, "emblem ") || !strings.Contains(r.stdout, "kernels test") {
		t.Errorf("version %q", r.stdout)
	}
}
