package arch

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the table of rooms into docs/architecture.md")

const root = "../.."

// listed is what go list says of a package: its files, those of other systems
// and of other build tags among them.
type listed struct {
	ImportPath     string
	Dir            string
	GoFiles        []string
	IgnoredGoFiles []string
	TestGoFiles    []string
	XTestGoFiles   []string
}

func (p listed) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// list runs go list over the module, once.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...", "./testdata/pictures")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		t.Fatal("go list names no package")
	}
	return all
}

// imports calls f for each import of the package's files.
func (p listed) imports(t *testing.T, f func(file, path string, test bool)) {
	t.Helper()
	files := append(append(append(p.GoFiles, p.IgnoredGoFiles...), p.TestGoFiles...), p.XTestGoFiles...)
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			f(name, path, strings.HasSuffix(name, "_test.go"))
		}
	}
}

// TestImports holds the packages as they are against the table.
func TestImports(t *testing.T) {
	h := build(rooms)
	for _, p := range list(t) {
		if _, ok := h[p.room()]; !ok {
			t.Errorf("%s has no row in the table of rooms (internal/arch/floors_test.go)", p.room())
			continue
		}
		p.imports(t, func(file, path string, test bool) {
			var err error
			if to, ours := strings.CutPrefix(path, module+"/"); ours {
				err = h.allows(p.room(), to, test)
			} else if !test {
				err = h.allowsOutside(p.room(), path)
			}
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
}

// TestRooms demands a package for every row, and rows that name rooms only.
func TestRooms(t *testing.T) {
	h := build(rooms)
	if len(h) != len(rooms) {
		t.Errorf("%d rows for %d rooms: a room has two rows", len(rooms), len(h))
	}
	there := map[string]bool{}
	for _, p := range list(t) {
		there[p.room()] = true
	}
	for _, r := range rooms {
		if !there[r.path] {
			t.Errorf("row %s has no package", r.path)
		}
		for _, list := range [][]string{r.beside, r.tests, r.only} {
			for _, path := range list {
				if _, ok := h[path]; !ok {
					t.Errorf("row %s names %s, which has no row", r.path, path)
				}
			}
		}
		for _, path := range r.beside {
			if h[path].floor != r.floor {
				t.Errorf("row %s lists %s as beside it, which is on floor %d", r.path, path, h[path].floor)
			}
		}
	}
}

// TestRules tries the rules on a small house of their own.
func TestRules(t *testing.T) {
	h := build([]room{
		{floor: 0, path: "ground"},
		{floor: 0, path: "cellar", only: []string{"first"}},
		{floor: 1, path: "first", beside: []string{"twin"}, tests: []string{"roof"}},
		{floor: 1, path: "twin"},
		{floor: 0, path: "kit", kit: true},
		{floor: 2, path: "roof"},
	})
	for _, c := range []struct {
		from, to string
		test, ok bool
	}{
		{"first", "ground", false, true},
		{"first", "cellar", false, true},
		{"first", "twin", false, true},
		{"twin", "first", false, false},
		{"twin", "first", true, true},
		{"twin", "cellar", false, false},
		{"twin", "cellar", true, false},
		{"first", "kit", false, false},
		{"first", "kit", true, true},
		{"first", "roof", false, false},
		{"first", "roof", true, true},
		{"twin", "roof", true, false},
		{"ground", "roof", false, false},
		{"roof", "ground", false, true},
		{"roof", "attic", false, false},
		{"attic", "ground", false, false},
	} {
		if err := h.allows(c.from, c.to, c.test); (err == nil) != c.ok {
			t.Errorf("%s → %s (test %v): %v", c.from, c.to, c.test, err)
		}
	}
}

// TestPage demands the table in docs/architecture.md, as it is here.
func TestPage(t *testing.T) {
	const begin, end = "<!-- rooms -->\n", "<!-- /rooms -->\n"
	path := filepath.Join(root, "docs", "architecture.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table of rooms between %q and %q", path, begin, end)
	}
	want := render(rooms)
	if got == want {
		return
	}
	if !*rewrite {
		t.Fatalf("%s has another table of rooms; run go test ./internal/arch -rewrite", path)
	}
	if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
