package answer

import (
	"context"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestDisk: the next process finds states that an earlier one made, bit for bit; one that
// is damaged, in whatever byte, is made again, and so is one that is cut.
func TestDisk(t *testing.T) {
	cache, names := t.TempDir(), []string{"wide.png"}
	first := open(t, "testdata/smolvlm", Options{DType: "f32", Cache: cache})
	want := first.encoded(t, names, PictureOptions{})[0]
	files, err := filepath.Glob(filepath.Join(cache, "states", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, data []byte, used bool) {
		t.Helper()
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(files[0], old, old); err != nil {
			t.Fatal(err)
		}
		m := open(t, "testdata/smolvlm", Options{DType: "f32", Cache: cache})
		found := m.disk.find(want.Key)
		if (found != nil) != used {
			t.Errorf("%s: %v", what, found != nil)
		}
		got := m.encoded(t, names, PictureOptions{})[0]
		if !slices.Equal(got.Features, want.Features) || got.Rows != want.Rows || got.Tokens != want.Tokens || got.Width != want.Width {
			t.Errorf("%s: another state", what)
		}
		if again, err := os.ReadFile(files[0]); err != nil || !slices.Equal(again, whole) {
			t.Errorf("%s: the file is not whole again: %v", what, err)
		}
	}
	check("whole", whole, true)
	for _, at := range []int{0, 20, len(whole) / 2, len(whole) - 1} {
		damaged := slices.Clone(whole)
		damaged[at] ^= 1
		check("damaged", damaged, false)
	}
	check("cut", whole[:len(whole)-9], false)
	check("empty", nil, false)
	if other := open(t, "testdata/smolvlm", Options{DType: "bf16", Cache: cache}).encoded(t, names, PictureOptions{})[0]; other.Key == want.Key {
		t.Error("a state of another dtype has the same name")
	}
}

// TestDiskTrim: what was not used for longest goes when there is too much.
func TestDiskTrim(t *testing.T) {
	cache := t.TempDir()
	m := opened(t, &still{}, Options{Cache: cache})
	m.disk.most = 2500 // of some 950 each
	for i := range 4 {
		s, err := m.Encode(context.Background(), plain(2, 2, color.Gray{uint8(i)}), PictureOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(m.disk.path(s.Key), at, at); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			m.disk.trim()
		}
	}
	files, err := filepath.Glob(filepath.Join(cache, "states", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("%d files are left, want 2: %v", len(files), err)
	}
}
