package lint

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vague are words that say nothing about what is behind them.
var (
	vaguePackages = []string{"util", "utils", "common", "helper", "helpers", "types", "base", "misc", "shared", "lib"}
	vagueTypes    = regexp.MustCompile(`(Manager|Engine|Impl|Helper|Info)$|^Base[A-Z]?|^(?i:base|info|util|common)$`)
)

// TestNames refuses names of packages and types that name no thing.
func TestNames(t *testing.T) {
	for _, s := range sources(t) {
		if name := s.file.Name.Name; slices.Contains(vaguePackages, strings.TrimSuffix(name, "_test")) {
			t.Errorf("%s: package %s: a package is named after what is in it", s.path, name)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && vagueTypes.MatchString(spec.Name.Name) {
				t.Errorf("%s: type %s: a type is named after the thing it is", s.pos(spec.Pos()), spec.Name.Name)
			}
			return true
		})
	}
}

// TestDocs demands of every package that it says what it is: in doc.go, or in its
// only file.
func TestDocs(t *testing.T) {
	files, docs := map[string]int{}, map[string]string{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		dir := filepath.Dir(s.path)
		files[dir]++
		if opens(s.file) {
			docs[dir] = filepath.Base(s.path)
		}
	}
	for dir, n := range files {
		if file := docs[dir]; file == "" {
			t.Errorf("%s: no file says what the package is; write doc.go", dir)
		} else if n > 1 && file != "doc.go" && file != "main.go" {
			t.Errorf("%s: what the package is stands in %s; it belongs into doc.go", dir, file)
		}
	}
}

// opens tells whether the file's comment speaks of its package or program.
func opens(f *ast.File) bool {
	if f.Doc == nil {
		return false
	}
	return f.Name.Name == "main" || strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ")
}

// TestSizes keeps functions and files small: half of all functions under 12
// lines, 19 of 20 under 45, none over 120; no file over 700.
func TestSizes(t *testing.T) {
	var lengths []int
	for _, s := range sources(t) {
		if s.test() || ast.IsGenerated(s.file) {
			continue
		}
		if s.lines > 700 {
			t.Errorf("%s has %d lines: more than one noun lives there", s.path, s.lines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			lengths = append(lengths, n)
			if n > 120 {
				t.Errorf("%s: %s has %d lines", s.pos(f.Pos()), f.Name.Name, n)
			}
		}
	}
	slices.Sort(lengths)
	half, most := lengths[len(lengths)/2], lengths[len(lengths)*19/20]
	if half >= 12 || most >= 45 {
		t.Errorf("half of %d functions have up to %d lines (want under 12), 19 of 20 up to %d (want under 45)", len(lengths), half, most)
	}
	t.Logf("%d functions: half up to %d lines, 19 of 20 up to %d, the longest %d", len(lengths), half, most, lengths[len(lengths)-1])
}

// Leftovers, written so that this file holds none of them.
var (
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	machine    = regexp.MustCompile(`/(work/(main|shared|\.)|root/|opt/venv)`)
	ours       = []string{".go", ".s", ".md", ".py", ".sh", ".yml", ".yaml", ".txt", ".mod", ".html", ".svg", ""}
)

// TestLeftovers refuses unfinished work and the paths of anybody's machine.
func TestLeftovers(t *testing.T) {
	walk(t, func(path string) {
		if !slices.Contains(ours, filepath.Ext(path)) || strings.Contains("/"+path, "/testdata/") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if unfinished.MatchString(line) {
				t.Errorf("%s:%d: unfinished: %s", path, i+1, strings.TrimSpace(line))
			}
			if machine.MatchString(line) && path != "internal/lint/habits_test.go" {
				t.Errorf("%s:%d: the path of one machine: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	})
}
