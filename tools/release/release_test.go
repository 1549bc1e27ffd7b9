package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

var sample = version{tag: "v1.2.3-rc.1", number: "1.2.3-rc.1", commit: strings.Repeat("ab", 20),
	when: time.Date(2026, 5, 4, 3, 2, 2, 0, time.UTC)}

// made is a product for a platform without the compiler's work.
func made(os, arch string) product {
	return product{
		target:  target{os, arch},
		program: []byte("program of " + os + "/" + arch),
		info: &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "example.com/emblem"}, Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:a="},
			{Path: "example.com/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.1"}},
		}},
		docs: []entry{{name: "README.md", mode: 0o644, data: []byte("read me")}, {name: "LICENSE", mode: 0o644, data: []byte("terms")}},
	}
}

// untar reads an archive into name → header and content.
func untar(t *testing.T, data []byte) (names []string, content map[string][]byte, heads map[string]*tar.Header) {
	t.Helper()
	content, heads = map[string][]byte{}, map[string]*tar.Header{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names, content, heads
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names, content[h.Name], heads[h.Name] = append(names, h.Name), b, h
	}
}

func gunzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestArchive(t *testing.T) {
	name, data, err := made("linux", "arm64").archive(sample)
	if err != nil {
		t.Fatal(err)
	}
	if want := "emblem_1.2.3-rc.1_linux_arm64.tar.gz"; name != want {
		t.Errorf("name %s, want %s", name, want)
	}
	names, content, heads := untar(t, gunzip(t, data))
	dir := "emblem_1.2.3-rc.1_linux_arm64/"
	if want := []string{dir + "emblem", dir + "README.md", dir + "LICENSE"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if h := heads[dir+"emblem"]; h.Mode != 0o755 || !h.ModTime.Equal(sample.when) {
		t.Errorf("mode %o, time %v", h.Mode, h.ModTime)
	}
	if got := string(content[dir+"emblem"]); got != "program of linux/arm64" {
		t.Errorf("program %q", got)
	}
}

func TestZip(t *testing.T) {
	name, data, err := made("windows", "amd64").archive(sample)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "emblem_1.2.3-rc.1_windows_amd64.zip"; name != want || r.File[0].Name != strings.TrimSuffix(want, ".zip")+"/emblem.exe" {
		t.Errorf("%s holds %s first", name, r.File[0].Name)
	}
}

// TestDeb takes the package apart by the rules of deb(5).
func TestDeb(t *testing.T) {
	data, err := made("linux", "amd64").deb(sample)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(data, []byte("!<arch>\n"))
	if !ok {
		t.Fatal("no ar archive")
	}
	members, names := map[string][]byte{}, []string(nil)
	for len(rest) > 0 {
		var size int
		head := string(rest[:60])
		if _, err := fmt.Sscan(head[48:58], &size); err != nil || head[58:] != "`\n" {
			t.Fatalf("header %q: %v", head, err)
		}
		name := strings.TrimSpace(head[:16])
		names, members[name] = append(names, name), rest[60:60+size]
		rest = rest[60+size+size%2:]
	}
	if want := []string{"debian-binary", "control.tar.gz", "data.tar.gz"}; !slices.Equal(names, want) {
		t.Fatalf("members %v, want %v", names, want)
	}
	_, control, _ := untar(t, gunzip(t, members["control.tar.gz"]))
	for _, line := range []string{"Package: emblem\n", "Version: 1.2.3~rc.1\n", "Architecture: amd64\n"} {
		if !strings.Contains(string(control["./control"]), line) {
			t.Errorf("control lacks %q:\n%s", line, control["./control"])
		}
	}
	files, content, heads := untar(t, gunzip(t, members["data.tar.gz"]))
	want := []string{"./", "./usr/", "./usr/bin/", "./usr/bin/emblem", "./usr/share/", "./usr/share/doc/",
		"./usr/share/doc/emblem/", "./usr/share/doc/emblem/README.md", "./usr/share/doc/emblem/copyright"}
	if !slices.Equal(files, want) {
		t.Errorf("files %v, want %v", files, want)
	}
	if h := heads["./usr/bin/emblem"]; h.Mode != 0o755 || h.Uid != 0 || string(content["./usr/bin/emblem"]) != "program of linux/amd64" {
		t.Errorf("program: %+v", h)
	}
}

// TestDebByDpkg has Debian's own tool read the package.
func TestDebByDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Skip("no dpkg-deb on this machine; TestDeb reads the package by its definition")
	}
	data, err := made("linux", "amd64").deb(sample)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "emblem.deb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--info", path}, {"--contents", path}, {"--field", path, "Version"}} {
		if out, err := exec.Command(dpkg, args...).CombinedOutput(); err != nil {
			t.Errorf("dpkg-deb %v: %v\n%s", args, err, out)
		}
	}
}

// TestImage follows every descriptor of the layout to its blob.
func TestImage(t *testing.T) {
	data, err := image([]product{made("linux", "amd64"), made("linux", "arm64")}, sample)
	if err != nil {
		t.Fatal(err)
	}
	_, files, _ := untar(t, data)
	blob := func(d descriptor) []byte {
		b, ok := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if !ok || digest(b) != d.Digest || len(b) != d.Size {
			t.Fatalf("blob %+v: there %v, %d bytes", d, ok, len(b))
		}
		return b
	}
	read := func(data []byte, v any) {
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatal(err)
		}
	}
	var entry, list index
	read(files["index.json"], &entry)
	read(blob(entry.Manifests[0]), &list)
	if len(list.Manifests) != 2 {
		t.Fatalf("%d platforms", len(list.Manifests))
	}
	for i, arch := range []string{"amd64", "arm64"} {
		var m manifest
		var c config
		read(blob(list.Manifests[i]), &m)
		read(blob(m.Config), &c)
		plain := gunzip(t, blob(m.Layers[0]))
		if list.Manifests[i].Platform.Architecture != arch || c.Architecture != arch {
			t.Errorf("architecture %s, want %s", c.Architecture, arch)
		}
		if c.RootFS.DiffIDs[0] != digest(plain) {
			t.Errorf("%s: diff id %s, want %s", arch, c.RootFS.DiffIDs[0], digest(plain))
		}
		if c.Config.User != "65532:65532" {
			t.Errorf("%s: user %s", arch, c.Config.User)
		}
		_, root, heads := untar(t, plain)
		if string(root["usr/bin/emblem"]) != "program of linux/"+arch || heads["data/"].Uid != nobody {
			t.Errorf("%s: the root file system is wrong", arch)
		}
	}
}

func TestBill(t *testing.T) {
	data, err := bill([]product{made("linux", "amd64"), made("windows", "amd64")}, sample)
	if err != nil {
		t.Fatal(err)
	}
	var b billOfMaterials
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range b.Components {
		got = append(got, c.PURL)
	}
	want := []string{"pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/fork@v2.0.1", "pkg:golang/std@1.26.8"}
	if !slices.Equal(got, want) || !slices.Equal(b.Dependencies[0].DependsOn, want) {
		t.Errorf("components %v, dependencies %v, want %v", got, b.Dependencies, want)
	}
	if b.Metadata.Component.Version != sample.tag {
		t.Errorf("version %s", b.Metadata.Component.Version)
	}
}

// TestSameBytes packs twice and demands the same files.
func TestSameBytes(t *testing.T) {
	pack := func() []artefact {
		var products []product
		for _, name := range platforms {
			os, arch, _ := strings.Cut(name, "/")
			products = append(products, made(os, arch))
		}
		files, err := pack(products, sample)
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	first, second := pack(), pack()
	if want := 4 + 2 + 1 + 1; len(first) != want {
		t.Errorf("%d files, want %d", len(first), want)
	}
	for i, f := range first {
		if f.name != second[i].name || !bytes.Equal(f.data, second[i].data) {
			t.Errorf("%s differs from one time to the next", f.name)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, bad := range []string{"1.2.3", "v1.2", "HEAD", "v1.2.3 ", "v999.0.0"} {
		if v, err := resolve(bad, false); err == nil {
			t.Errorf("%q became %+v", bad, v)
		}
	}
}
