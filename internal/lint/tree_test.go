package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// source is a Go file of the tree.
type source struct {
	path  string // from the root, with slashes
	text  []byte
	fset  *token.FileSet
	file  *ast.File
	lines int
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// pos is where a node is, for messages.
func (s source) pos(p token.Pos) string {
	return s.path + ":" + s.fset.Position(p).String()
}

// walk calls f for every file of the tree but those that git ignores by name.
func walk(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "dist"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sources parses the Go files of the tree, testdata left out.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.Contains("/"+path, "/testdata/") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "", text, parser.ParseComments)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, source{path, text, fset, file, fset.File(file.Pos()).LineCount()})
	})
	if len(all) < 50 {
		t.Fatalf("only %d Go files found from %s", len(all), root)
	}
	return all
}
