package library

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// tree writes files; a name that ends in / is a folder, "a -> b" a link.
func tree(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		name, content, _ := strings.Cut(name, "=")
		link, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(dir, link)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isLink:
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			must(t, os.Symlink(target, path))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o755))
		default:
			must(t, os.WriteFile(path, []byte(strings.ReplaceAll(content, "|", "\n")), 0o644))
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func walked(t *testing.T, dir string, roots []string, exclude ...string) ([]string, map[string]int) {
	t.Helper()
	patterns, err := newGlobs(exclude)
	must(t, err)
	var got []string
	w := newWalk(context.Background(), slog.New(slog.DiscardHandler), roots, patterns, func(c candidate) {
		rel, err := filepath.Rel(dir, c.path)
		must(t, err)
		got = append(got, filepath.ToSlash(rel))
	})
	must(t, w.run())
	slices.Sort(got)
	return got, w.skipped
}

func TestWalkSkips(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, "a.jpg", ".hidden.jpg", ".git/b.jpg", "sub/c.jpg", "sub/@eaDir/d.jpg", "#recycle/e.jpg", "node_modules/f.jpg",
		"P.photoslibrary/resources/derivatives/g.jpg", "P.photoslibrary/originals/h.jpg", "resources/derivatives/i.jpg",
		"work/j.psd", "work/k.jpg", "work/deep/raw/l.jpg",
		".emblemignore=# comment|*.tmp|/drafts/|!keep.tmp|deep/**/no.jpg|{x}.jpg|tail\\ ", "m.tmp", "keep.tmp", "drafts/n.jpg", "sub/drafts/o.jpg", "deep/1/2/no.jpg", "deep/yes.jpg", "{x}.jpg", "x.jpg",
		"sub/.emblemignore=!*.tmp|c?.jpg", "sub/p.tmp", "sub/cc.jpg")
	got, skipped := walked(t, dir, []string{dir}, "*.psd", "work/**/raw")
	want := []string{"P.photoslibrary/originals/h.jpg", "a.jpg", "deep/yes.jpg", "keep.tmp", "resources/derivatives/i.jpg", "sub/c.jpg", "sub/drafts/o.jpg", "sub/p.tmp", "work/k.jpg", "x.jpg"}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%v; want\n%v", got, want)
	}
	wantSkipped := map[string]int{skipDot: 4, skipSystem: 4, skipExcluded: 2, skipIgnored: 5}
	if !maps.Equal(skipped, wantSkipped) {
		t.Errorf("skipped %v; want %v", skipped, wantSkipped)
	}
}

func TestWalkLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := t.TempDir()
	tree(t, dir, "root/a.jpg", "out/b.jpg", "out/c.jpg",
		"root/loop -> ../root", "root/up -> ..", "root/out1 -> ../out", "root/out2 -> ../out", "root/file -> ../out/b.jpg",
		"root/inner -> a.jpg", "root/broken -> nothing", "out/back -> ../root", "out/self -> ../out")
	got, _ := walked(t, dir, []string{filepath.Join(dir, "root")})
	// The file link sorts first, so that b.jpg is found twice at most if links to
	// files were not remembered; folders are entered once.
	if want := []string{"root/a.jpg", "root/file", "root/out1/b.jpg", "root/out1/c.jpg"}; !slices.Equal(got, want) {
		t.Errorf("found %v; want %v", got, want)
	}
}

func TestCleanRoots(t *testing.T) {
	dir := t.TempDir()
	in := []string{filepath.Join(dir, "b", "c"), filepath.Join(dir, "b"), filepath.Join(dir, "bc"), dir + "/x/../b", filepath.Join(dir, "a")}
	got, err := cleanRoots(in)
	must(t, err)
	want := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "bc")}
	if !slices.Equal(got, want) {
		t.Errorf("roots %v; want %v", got, want)
	}
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"*.tmp", "!a/", "/x/**/y", "[a-", `\`, "{a,b}", "  ", "#"} {
		f.Add(s, "a/b.tmp")
	}
	f.Fuzz(func(t *testing.T, line, path string) {
		parsed, _ := parseRules(strings.NewReader(line))
		rules := &ruleSet{dir: "/d", rules: parsed}
		if rules.ignores("/d/"+path, false) && len(rules.rules) == 0 {
			t.Error("ignored by no rule")
		}
	})
}
