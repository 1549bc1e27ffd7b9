package hub

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed pulls a model, puts a folder beside it and packs both.
func packed(t *testing.T) (archive []byte, pulled Pulled) {
	t.Helper()
	h := newFakeHub(t, "o/n", modelFiles())
	pulled, err := h.pull("o/n", h.options(t.TempDir()))
	h.check(pulled, err, "main", wanted)
	folder := filepath.Join(t.TempDir(), "mine")
	for name, text := range map[string]string{"config.json": "{}", "same.json": "{}", "sub/model.safetensors": noise(5_000)} {
		put(t, filepath.Join(folder, name), text)
	}
	mine, err := Find(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.tar")
	notes := 0
	n, err := Bundle(context.Background(), path, []Found{pulled.Found, mine}, func(string) { notes++ })
	if err != nil || notes != 2 {
		t.Fatal(err)
	}
	archive, err = os.ReadFile(path)
	if err != nil || int64(len(archive)) != n {
		t.Fatalf("%d bytes, want %d, %v", len(archive), n, err)
	}
	return archive, pulled
}

func unpackTo(t *testing.T, archive []byte, cache, dir string) ([]Found, error) {
	t.Helper()
	return Install(context.Background(), bytes.NewReader(archive), dir, PullOptions{Cache: cache})
}

// installed checks that both models are as they were.
func installed(t *testing.T, got []Found, pulled Pulled, cache, dir string) {
	t.Helper()
	found, err := Find("o/n", Options{Cache: cache})
	if err != nil || len(got) != 2 || got[0] != found || found.Commit != pulled.Commit {
		t.Fatalf("%+v, found %+v, %v", got, found, err)
	}
	for name, text := range modelFiles() {
		b, err := os.ReadFile(filepath.Join(found.Dir, name))
		if wanted := strings.Contains(strings.Join(wanted, " "), name) && name != ".gitattributes"; wanted && string(b) != text || !wanted && err == nil {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	if got[1].Dir != filepath.Join(dir, "mine") || got[1].Repo != "" {
		t.Errorf("%+v", got[1])
	}
	for name, text := range map[string]string{"config.json": "{}", "same.json": "{}", "sub/model.safetensors": noise(5_000)} {
		if b, err := os.ReadFile(filepath.Join(dir, "mine", name)); err != nil || string(b) != text {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%v is left behind", list)
	}
}

func TestBundle(t *testing.T) {
	archive, pulled := packed(t)
	cache, dir := t.TempDir(), t.TempDir()
	got, err := unpackTo(t, archive, cache, dir)
	if err != nil {
		t.Fatal(err)
	}
	installed(t, got, pulled, cache, dir)
	// What comes from a bundle is whole for a pull without a network, too.
	again, err := Pull(context.Background(), Ref{Repo: "o/n"}, Remote{Offline: true}, PullOptions{Cache: cache})
	if err != nil || again.Files != pulled.Files || again.Bytes != pulled.Bytes {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := unpackTo(t, archive, cache, dir); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a folder is overwritten: %v", err)
	}
}

// TestBundleCut: an archive that ends at any of 100 offsets leaves nothing that is
// found, and the whole one goes on from there.
func TestBundleCut(t *testing.T) {
	archive, pulled := packed(t)
	cache, dir := t.TempDir(), t.TempDir()
	for i := range 101 {
		at := len(archive) * i / 101
		if at >= len(archive)-1536 { // two empty blocks and a padding, without which all is there
			break
		}
		if _, err := unpackTo(t, archive[:at], cache, dir); err == nil {
			t.Fatalf("cut at %d: no error", at)
		}
		_, errCache := Find("o/n", Options{Cache: cache})
		_, errFolder := Find(filepath.Join(dir, "mine"), Options{})
		if errCache == nil || errFolder == nil {
			t.Fatalf("cut at %d: half a bundle is found", at)
		}
	}
	got, err := unpackTo(t, archive, cache, dir)
	if err != nil {
		t.Fatal(err)
	}
	installed(t, got, pulled, cache, dir)
}

// rewrite makes another archive of the entries of one.
func rewrite(t *testing.T, archive []byte, edit func(h *tar.Header, data []byte) ([]*tar.Header, []byte)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers, data := edit(h, data)
		for _, h := range headers {
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(data))
			}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if h.Typeflag == tar.TypeReg {
				w.Write(data)
			}
		}
	}
	w.Close()
	return out.Bytes()
}

// TestBundleHostile: what does not come from Bundle is refused, and nothing is written
// outside.
func TestBundleHostile(t *testing.T) {
	archive, _ := packed(t)
	editIndex := func(edit func(x *bundleIndex)) []byte {
		return rewrite(t, archive, func(h *tar.Header, data []byte) ([]*tar.Header, []byte) {
			if h.Name == bundleIndexName {
				var x bundleIndex
				if err := json.Unmarshal(data, &x); err != nil {
					t.Fatal(err)
				}
				edit(&x)
				data, _ = json.Marshal(x)
			}
			return []*tar.Header{h}, data
		})
	}
	editEntry := func(edit func(h *tar.Header, data []byte) ([]*tar.Header, []byte)) []byte {
		return rewrite(t, archive, func(h *tar.Header, data []byte) ([]*tar.Header, []byte) {
			if strings.HasPrefix(h.Name, "0/") {
				return edit(h, data)
			}
			return []*tar.Header{h}, data
		})
	}
	hostile := map[string][]byte{
		"empty":         nil,
		"rubbish":       []byte(strings.Repeat("rubbish", 1000)),
		"no index":      rewrite(t, archive, func(h *tar.Header, d []byte) ([]*tar.Header, []byte) { h.Name += "x"; return []*tar.Header{h}, d }),
		"other format":  editIndex(func(x *bundleIndex) { x.Format = 2 }),
		"no models":     editIndex(func(x *bundleIndex) { x.Models = nil }),
		"no files":      editIndex(func(x *bundleIndex) { x.Models[0].Files = nil }),
		"repository":    editIndex(func(x *bundleIndex) { x.Models[0].Repo = "../../etc" }),
		"revision":      editIndex(func(x *bundleIndex) { x.Models[0].Revision = "../../x" }),
		"commit":        editIndex(func(x *bundleIndex) { x.Models[0].Commit = "../x" }),
		"folder":        editIndex(func(x *bundleIndex) { x.Models[1].Name = "../x" }),
		"hash":          editIndex(func(x *bundleIndex) { x.Models[0].Files[0].Etag = "../x" }),
		"size":          editIndex(func(x *bundleIndex) { x.Models[0].Files[0].Size = -1 }),
		"a bomb":        editIndex(func(x *bundleIndex) { x.Models[0].Files[0].Size = maxFile }),
		"a larger bomb": editIndex(func(x *bundleIndex) { x.Models[0].Files[0].Size = maxFile + 1 }),
		"twice":         editIndex(func(x *bundleIndex) { x.Models[0].Files = append(x.Models[0].Files, x.Models[0].Files[0]) }),
		"other bytes": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			if len(d) > 0 {
				d[len(d)/2] ^= 1
			}
			return []*tar.Header{h}, d
		}),
		"other size": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) { return []*tar.Header{h}, append(d, 0) }),
		"a link": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			return []*tar.Header{{Name: h.Name, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, nil
		}),
		"a hard link": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			return []*tar.Header{{Name: h.Name, Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}}, nil
		}),
		"unlisted": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			return []*tar.Header{{Name: "0/" + strings.Repeat("a", 64), Typeflag: tar.TypeReg, Mode: 0o644}, h}, d
		}),
		"outside": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			return []*tar.Header{{Name: "../../evil", Typeflag: tar.TypeReg, Mode: 0o644}, h}, d
		}),
		"another model": editEntry(func(h *tar.Header, d []byte) ([]*tar.Header, []byte) {
			h.Name = "7" + h.Name[1:]
			return []*tar.Header{h}, d
		}),
		"left out": editEntry(func(*tar.Header, []byte) ([]*tar.Header, []byte) { return nil, nil }),
	}
	for _, name := range unsafeNames {
		if name != "\xff.json" {
			hostile[fmt.Sprintf("file %q", name)] = editIndex(func(x *bundleIndex) { x.Models[1].Files[0].Name = name })
		}
	}
	for name, archive := range hostile {
		root := t.TempDir()
		cache, dir := filepath.Join(root, "a", "cache"), filepath.Join(root, "b", "dir")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := unpackTo(t, archive, cache, dir); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := Find("o/n", Options{Cache: cache}); err == nil {
			t.Errorf("%s: the model is found", name)
		}
		if _, err := os.Stat(filepath.Join(dir, "mine")); err == nil {
			t.Errorf("%s: the folder is there", name)
		}
		for _, d := range []string{root, filepath.Join(root, "a"), filepath.Join(root, "b")} {
			list, _ := os.ReadDir(d)
			for _, e := range list {
				if !map[string]bool{"a": true, "b": true, "cache": true, "dir": true}[e.Name()] {
					t.Errorf("%s: %s was written", name, e.Name())
				}
			}
		}
	}
}

// TestBundleRefuses: the built-in model, and files that change on the way.
func TestBundleRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.tar")
	if _, err := Bundle(context.Background(), path, []Found{{Name: "builtin/search", Builtin: "search"}}, nil); err == nil {
		t.Error("the built-in model is packed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "config.json"), "{}")
	if _, err := Bundle(ctx, path, []Found{{Name: "x", Dir: dir}}, nil); err == nil {
		t.Error("an interrupted bundle is one")
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) > 0 {
		t.Errorf("%v is left behind", list)
	}
}

func FuzzInstall(f *testing.F) {
	index, _ := json.Marshal(bundleIndex{Format: 1, Models: []bundled{{Name: "m", record: record{Files: []remoteFile{{"a.json", 2, strings.Repeat("a", 40)}}}}}})
	f.Add(string(index), "0/"+strings.Repeat("a", 40), []byte("{}"))
	f.Fuzz(func(t *testing.T, index, name string, data []byte) {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		w.WriteHeader(&tar.Header{Name: bundleIndexName, Mode: 0o644, Size: int64(len(index))})
		w.Write([]byte(index))
		if w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}) != nil {
			return
		}
		w.Write(data)
		w.Close()
		root := t.TempDir()
		dir := filepath.Join(root, "dir")
		os.Mkdir(dir, 0o755)
		Install(context.Background(), &out, dir, PullOptions{Cache: filepath.Join(dir, "cache")})
		if list, _ := os.ReadDir(root); len(list) != 1 {
			t.Fatalf("%v was written", list)
		}
	})
}
