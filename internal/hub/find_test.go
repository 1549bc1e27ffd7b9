package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var (
	commitA = strings.Repeat("a", 40)
	commitB = strings.Repeat("b", 40)
)

// put writes a file and the folders above it.
func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cacheWith makes a cache in which revisions of a repository, each with one
// file, stand for commits.
func cacheWith(t testing.TB, repo string, refs map[string]string, file string) string {
	t.Helper()
	cache := t.TempDir()
	dir := filepath.Join(cache, "models--"+strings.ReplaceAll(repo, "/", "--"))
	for rev, commit := range refs {
		put(t, filepath.Join(dir, "refs", filepath.FromSlash(rev)), commit)
		put(t, filepath.Join(dir, "snapshots", commit, filepath.FromSlash(file)), "x")
	}
	return cache
}

// wantMissing requires a NotFound whose text holds every part.
func wantMissing(t *testing.T, err error, parts ...string) *NotFound {
	t.Helper()
	var missing *NotFound
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a NotFound", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q lacks %q", err, p)
		}
	}
	return missing
}

func TestFindInCache(t *testing.T) {
	refs := map[string]string{"main": commitA, "refs/pr/15": commitB, "v1.0": commitB}
	cache := cacheWith(t, "some-org/Some.Model_1", refs, "model.safetensors")
	dir := filepath.Join(cache, "models--some-org--Some.Model_1", "snapshots")
	for _, c := range []struct{ name, revision, commit string }{
		{"some-org/Some.Model_1", "main", commitA},
		{"some-org/Some.Model_1@main", "main", commitA},
		{"some-org/Some.Model_1@refs/pr/15", "refs/pr/15", commitB},
		{"some-org/Some.Model_1@v1.0", "v1.0", commitB},
		{"some-org/Some.Model_1@" + commitA, commitA, commitA},
	} {
		got, err := Find(c.name, Options{Cache: cache})
		want := Found{Dir: filepath.Join(dir, c.commit), Name: "Some.Model_1", Repo: "some-org/Some.Model_1", Revision: c.revision, Commit: c.commit}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", c.name, got, err, want)
		}
	}
}

func TestFindFolderComesFirst(t *testing.T) {
	cache := cacheWith(t, "openai/clip-vit-base-patch32", map[string]string{"main": commitA}, "model.safetensors")
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openai/clip-vit-base-patch32", "clip-vit-base-patch32", "builtin/search", "my model", "a..b"} {
		if err := os.MkdirAll(filepath.FromSlash(name), 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := Find(name, Options{Cache: cache})
		want := Found{Dir: filepath.Join(here, filepath.FromSlash(name)), Name: filepath.Base(name)}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// TestPublicNameIsNoPath: whatever way a folder is named.
func TestPublicNameIsNoPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	put(t, filepath.Join(dir, "sub", "x"), "")
	t.Chdir(dir)
	root := filepath.VolumeName(dir) + string(filepath.Separator)
	for name, want := range map[string]string{".": "m", "..": filepath.Base(filepath.Dir(dir)), "./sub/": "sub", "sub/../../m": "m", dir: "m", root: "model"} {
		got, err := Find(name, Options{})
		if err != nil || got.Name != want || !filepath.IsAbs(got.Dir) {
			t.Errorf("%s: got %+v, %v; want the name %q", name, got, err, want)
		}
	}
}

func TestSnapshotFolderKeepsItsRepository(t *testing.T) {
	cache := cacheWith(t, "o/n", map[string]string{"main": commitA}, "model.safetensors")
	dir := filepath.Join(cache, "models--o--n", "snapshots", commitA)
	got, err := Find(dir, Options{})
	if want := (Found{Dir: dir, Name: "n", Repo: "o/n", Revision: commitA, Commit: commitA}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBuiltin(t *testing.T) {
	for _, kind := range []string{"search", "ask", "draw"} {
		got, err := Find("builtin/"+kind, Options{})
		if err != nil || got != (Found{Name: "builtin/" + kind, Builtin: kind}) {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
	_, err := Find("builtin/dance", Options{})
	if m := wantMissing(t, err, "builtin/search"); m.Pull() != "" {
		t.Errorf("offers %q", m.Pull())
	}
}

func TestAlias(t *testing.T) {
	cache := cacheWith(t, "google/siglip-base-patch16-224", map[string]string{"main": commitA}, "model.safetensors")
	for _, name := range []string{"siglip-base-patch16-224", "SigLIP-Base-Patch16-224", "siglip-base-patch16-224@main"} {
		got, err := Find(name, Options{Cache: cache})
		if err != nil || got.Repo != "google/siglip-base-patch16-224" || got.Name != "siglip-base-patch16-224" || got.Commit != commitA {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestAliasRevision: a repository whose main has only pickles is looked up where
// its safetensors are, unless a revision is named; main is better than nothing.
func TestAliasRevision(t *testing.T) {
	const repo = "openai/clip-vit-base-patch32"
	cache := cacheWith(t, repo, map[string]string{"main": commitA, "refs/pr/15": commitB}, "model.safetensors")
	for name, want := range map[string]string{repo: commitB, repo + "@main": commitA} {
		if got, err := Find(name, Options{Cache: cache}); err != nil || got.Commit != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	cache = cacheWith(t, repo, map[string]string{"main": commitA}, "pytorch_model.bin")
	if got, err := Find(repo, Options{Cache: cache}); err != nil || got.Commit != commitA {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNotFound(t *testing.T) {
	cache := t.TempDir()
	opt := Options{Cache: cache}
	_, err := Find("openai/clip-vit-base-patch32", opt)
	m := wantMissing(t, err, `"openai/clip-vit-base-patch32"`, cache, "emblem pull openai/clip-vit-base-patch32@refs/pr/15 (605 MB, MIT)")
	if m.Alias == nil || m.Repo != "openai/clip-vit-base-patch32" {
		t.Errorf("%+v", m)
	}
	_, err = Find("clip-vit-large-patch14", opt)
	wantMissing(t, err, "emblem pull openai/clip-vit-large-patch14 (1.7 GB, MIT)")
	_, err = Find("who/knows@refs/pr/1", opt)
	if m := wantMissing(t, err); m.Pull() != "emblem pull who/knows@refs/pr/1" || !strings.HasSuffix(err.Error(), m.Pull()) {
		t.Errorf("%v", err)
	}
	_, err = Find("siglip-base", opt)
	wantMissing(t, err, "did you mean siglip-base-patch16-224, ")
	_, err = Find("zzz", opt)
	if m := wantMissing(t, err, "no alias"); m.Pull() != "" || len(m.Similar) > 0 {
		t.Errorf("%v", err)
	}
	if list, _ := os.ReadDir(cache); len(list) > 0 {
		t.Error("looking things up wrote into the cache")
	}
}

func TestNotFoundNamesOtherRevisions(t *testing.T) {
	cache := cacheWith(t, "o/n", map[string]string{"refs/pr/15": commitB, "v2": commitA}, "model.safetensors")
	_, err := Find("o/n", Options{Cache: cache})
	wantMissing(t, err, "there at refs/pr/15, v2;", "o/n@REVISION", "emblem pull o/n")
}

// TestIncomplete: what the cache has must be worth loading.
func TestIncomplete(t *testing.T) {
	find := func(cache string) error {
		_, err := Find("o/n", Options{Cache: cache})
		return err
	}
	wantMissing(t, find(cacheWith(t, "o/n", map[string]string{"main": commitA}, "config.json")), "without weights", "emblem pull o/n")

	cache := cacheWith(t, "o/n", map[string]string{"main": commitA}, "unet/diffusion_pytorch_model.safetensors")
	if err := find(cache); err != nil {
		t.Error(err)
	}
	snap := filepath.Join(cache, "models--o--n", "snapshots", commitA)
	if err := os.RemoveAll(snap); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, find(cache), "not in the Hugging Face cache")

	put(t, filepath.Join(cache, "models--o--n", "refs", "main"), "../../etc")
	wantMissing(t, find(cache), "damaged", "refs/main")
}

// TestBlobLinks: snapshots are links into blobs; without the blobs they are nothing.
func TestBlobLinks(t *testing.T) {
	cache := cacheWith(t, "o/n", map[string]string{"main": commitA}, "config.json")
	dir := filepath.Join(cache, "models--o--n")
	put(t, filepath.Join(dir, "blobs", "1"), "x")
	if err := os.Symlink(filepath.Join("..", "..", "blobs", "1"), filepath.Join(dir, "snapshots", commitA, "model.safetensors")); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need a right here: ", err)
		}
		t.Fatal(err)
	}
	if _, err := Find("o/n", Options{Cache: cache}); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	_, err := Find("o/n", Options{Cache: cache})
	wantMissing(t, err, "without weights")
}

func TestReadOnlyCache(t *testing.T) {
	cache := cacheWith(t, "o/n", map[string]string{"main": commitA}, "model.safetensors")
	chmod := func(mode fs.FileMode) {
		if err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, mode)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	chmod(0o555)
	t.Cleanup(func() { chmod(0o755) })
	if _, err := Find("o/n", Options{Cache: cache}); err != nil {
		t.Error(err)
	}
}

// hostile names must never reach the cache: here it would answer each of them.
var hostile = []string{
	"../secret", "..", "o/..", "../..", "o/n/../../x", `o\n`, `..\..\x`, "/etc", "//x/y", "C:", `C:\x`, "o/n:stream", "~/x", "./x", "o//n", "o/", "/n",
	"o/.n", "o/n.", "-o/n", "o/-n", "a--b/c", "o/n..m", "o/n.git", "o/n@", "o/n@../x", "o/n@/x", "o/n@x/", "o/n@a//b", "o/n@.", `o/n@a\b`, "o/n@-x", "o/n@a..b",
	"o/n@a@b", "o /n", "o/n?", "o/*", "ö/n", "$(id)/x", "o/n\x00", "o/n\n", "o/n\x1b[31m", "\xff/n", "", strings.Repeat("a", 97) + "/n", "o/n@" + strings.Repeat("a", 256),
	strings.Repeat("a", 5000), "models--o--n",
}

func TestHostileNames(t *testing.T) {
	outer := t.TempDir()
	cache := filepath.Join(outer, "cache")
	put(t, filepath.Join(cache, "models--o--n", "refs", "main"), commitA)
	put(t, filepath.Join(cache, "models--o--n", "snapshots", commitA, "model.safetensors"), "x")
	put(t, filepath.Join(outer, "secret", "snapshots", commitA, "model.safetensors"), "x")
	t.Chdir(t.TempDir()) // so that no name is a folder by chance
	if _, err := Find("o/n", Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	for _, name := range hostile {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue // an existing folder is a good name
		}
		_, err := Find(name, Options{Cache: cache})
		var missing *NotFound
		if err == nil || errors.As(err, &missing) && missing.Repo != "" {
			t.Errorf("%q: %v", name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x00\x1b\n") {
			t.Errorf("%q: the error carries control characters", name)
		}
	}
}

func TestFileIsNoModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	put(t, path, "x")
	_, err := Find(path, Options{})
	wantMissing(t, err, "is a file", "name the folder")
}

func FuzzFind(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Add("org/name@refs/pr/1")
	cache := f.TempDir()
	f.Fuzz(func(t *testing.T, name string) {
		_, err := Find(name, Options{Cache: cache})
		var missing *NotFound
		if !errors.As(err, &missing) || missing.Repo == "" {
			return
		}
		rel, relErr := filepath.Rel(cache, repoDir(cache, missing.Repo))
		if relErr != nil || !filepath.IsLocal(rel) || filepath.Base(rel) != rel || !strings.HasPrefix(rel, "models--") {
			t.Fatalf("%q leads to %q", name, rel)
		}
		if missing.Revision != "" && !filepath.IsLocal(missing.Revision) {
			t.Fatalf("%q has the revision %q", name, missing.Revision)
		}
	})
}
