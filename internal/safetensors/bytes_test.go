package safetensors

import (
	"bytes"
	"os"
	"testing"
)

// TestOpenBytes: a file in memory reads like the file, and the set never hands
// the caller's memory to the system.
func TestOpenBytes(t *testing.T) {
	const path = "testdata/written.safetensors"
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Clone(data)
	s, err := OpenBytes("builtin", data)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := file.Hash()
	if got, err := s.Hash(); err != nil || got != want {
		t.Errorf("hash %s, %v; want %s", got, err, want)
	}
	for _, n := range file.Names() {
		v, _ := file.Get(n)
		w, ok := s.Get(n)
		if !ok || v.DType != w.DType || !bytes.Equal(v.Data, w.Data) {
			t.Errorf("%q differs", n)
		}
		s.Drop(w, 0, len(w.Data))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(data, kept) {
		t.Error("the caller's memory changed")
	}
	_, err = OpenBytes("builtin", data[:len(data)-1])
	wantError(t, err, "builtin", "truncated")
}
