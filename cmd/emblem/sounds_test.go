package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/library"
)

// TestSoundsLibrary indexes pictures and sounds with ImageBind and searches them by
// words, by a picture and by a sound: what is searched with is found first.
func TestSoundsLibrary(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	for _, from := range []string{senseFiles + "audio", "../../fusion/testdata/pictures"} {
		if err := os.CopyFS(filepath.Join(dir, filepath.Base(from)), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	code, out, stderr := runCLI(t, "", "index", "--data", data, "--model", boundModel, "--json", dir)
	if code != 0 || !strings.Contains(out, `"added":11,`) || !strings.Contains(out, `"failed":{},"skipped":{}`) {
		t.Fatalf("exit %d, %s%s", code, out, stderr)
	}
	for _, query := range []string{"audio/long.wav", "pictures/tall.jpg"} {
		code, out, stderr := runCLI(t, "", "search", "--data", data, "--paths", "--by", "meaning", "--min-probability", "0", filepath.Join(dir, filepath.FromSlash(query)))
		if hits := strings.Fields(out); code != 0 || len(hits) != 11 || !strings.HasSuffix(filepath.ToSlash(hits[0]), query) {
			t.Errorf("%s: exit %d, %s%s", query, code, out, stderr)
		}
	}
	// Sounds alone, by words; and pictures alone, by a sound, however unlikely.
	code, out, stderr = runCLI(t, "", "search", "--data", data, "--paths", "--by", "meaning", "--min-probability", "0", "--filter", "kind:wav", "a dog barks")
	if hits := strings.Fields(out); code != 0 || len(hits) != 4 || strings.Contains(out, "pictures") {
		t.Errorf("exit %d, %s%s", code, out, stderr)
	}
	code, out, stderr = runCLI(t, "", "search", "--data", data, "--paths", "--filter", "not kind:wav", "--image", senseFiles+"audio/short.wav")
	if hits := strings.Fields(out); code != 0 || len(hits) != 7 || strings.Contains(out, "wav") {
		t.Errorf("exit %d, %s%s", code, out, stderr)
	}
}

// TestSoundFiles: the server gives out the files of sounds that a library knows, for
// their thumbnails, and no others.
func TestSoundFiles(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(senseFiles+"audio")); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := runCLI(t, "", "index", "--data", data, "--model", boundModel, dir); code != 0 {
		t.Fatal(out, stderr)
	}
	store, err := library.OpenStore(data)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lib, err := store.Open("default")
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{shelves{host: &host{store: store}}, lib}
	f, err := s.Picture(t.Context(), filepath.Join(dir, "long.wav"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.WriteFile(filepath.Join(dir, "long.wav"), []byte("a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{filepath.Join(dir, "long.wav"), filepath.Join(dir, "other.wav")} {
		if _, err := s.Picture(t.Context(), id); err == nil {
			t.Errorf("%s is given out", id)
		}
	}
}

// TestSoundsCLIP: a model that does not hear says so.
func TestSoundsCLIP(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../fusion/testdata/pictures")); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := runCLI(t, "", "index", "--data", data, "--model", tinyModel, dir); code != 0 {
		t.Fatal(out, stderr)
	}
	code, out, stderr := runCLI(t, "", "search", "--data", data, senseFiles+"audio/short.wav")
	if code == 0 || out != "" || !strings.Contains(stderr, "is a sound, and the model clip-legacy does not hear") {
		t.Errorf("exit %d, %s%s", code, out, stderr)
	}
}
