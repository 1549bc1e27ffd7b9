package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func view(name string, values ...float32) View {
	v := View{Name: name, DType: F32, Shape: []int{len(values)}}
	for _, x := range values {
		v.Data = binary.LittleEndian.AppendUint32(v.Data, math.Float32bits(x))
	}
	return v
}

func write(t testing.TB, path string, tensors ...View) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
}

// wantError requires an error that holds every part.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

func TestTruncationNamesBothSizes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	write(t, path, view("w", make([]float32, 1000)...))
	info, _ := os.Stat(path)
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	wantError(t, err, "model.safetensors", "truncated", "4000", fmt.Sprint(info.Size()-1))
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	wantError(t, err, "is a folder")
	_, err = Open(filepath.Join(dir, "none.safetensors"))
	wantError(t, err, "none.safetensors")
}

func TestHashIsTheFilesOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	write(t, path, view("w", 1, 2, 3))
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sum := sha256.Sum256(file)
	if got, err := s.Hash(); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %s, %v; want %x", got, err, sum)
	}
	if s.Bytes() != 12 {
		t.Errorf("%d bytes", s.Bytes())
	}
}

func TestHashOfShards(t *testing.T) {
	dir := shards(t, t.TempDir())
	s, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var lines string
	for _, n := range []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		file, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		lines += fmt.Sprintf("%x  %s\n", sha256.Sum256(file), n)
	}
	if got, err := s.Hash(); err != nil || got != fmt.Sprintf("%x", sha256.Sum256([]byte(lines))) {
		t.Errorf("hash %s, %v", got, err)
	}
}

// TestDrop drops pages and reads them again: the values stay.
func TestDrop(t *testing.T) {
	a, b := make([]float32, 50_000), make([]float32, 50_000)
	for i := range a {
		a[i], b[i] = float32(i), float32(-i)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	write(t, path, view("a", a...), view("b", b...), view("c", 1))
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string][]float32{"a": a, "b": b, "c": {1}} {
		v, _ := s.Get(name)
		s.Want(v)
		s.Drop(v, 0, len(v.Data)/2)
		s.Drop(v, len(v.Data)/2, len(v.Data))
		got := make([]float32, len(want))
		if err := ToF32(got, v); err != nil {
			t.Fatal(err)
		}
		if digest(got) != digest(want) {
			t.Errorf("%s changed", name)
		}
	}
	s.Want(view("stranger", a...))
	s.Drop(view("stranger", a...), 0, 1)
}

func TestCloseTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	write(t, path, view("w", 1))
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.Get("w"); ok || len(s.Names()) > 0 {
		t.Error("a closed set still has tensors")
	}
}

// TestGetOwnsItsShape: a caller that changes a shape harms only itself.
func TestGetOwnsItsShape(t *testing.T) {
	s, err := Open("testdata/written.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v, _ := s.Get("b.f16")
	v.Shape[0] = 99
	if again, _ := s.Get("b.f16"); again.Shape[0] != 1 {
		t.Error("the set's own shape changed")
	}
}

func TestWriteIsDeterministicAndWhole(t *testing.T) {
	dir := t.TempDir()
	a, b := view("a", 1), view("b", 2, 3)
	meta := map[string]string{"x": "1", "y": "2", "a": "3"}
	var files []string
	for i, order := range [][]View{{a, b}, {b, a}} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := Write(path, order, meta); err != nil {
			t.Fatal(err)
		}
		file, _ := os.ReadFile(path)
		files = append(files, string(file))
	}
	if files[0] != files[1] {
		t.Errorf("%q\n%q", files[0], files[1])
	}
	if err := Write(filepath.Join(dir, "0"), []View{a, a}, nil); err == nil {
		t.Error("two tensors of one name were written")
	}
	if kept, _ := os.ReadFile(filepath.Join(dir, "0")); string(kept) != files[0] {
		t.Error("a failed write changed the file")
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("left behind: %v", list)
	}
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	short, rank, kind := view("w", 1), view("w", 1), view("w", 1)
	short.Data = short.Data[:3]
	rank.Shape = make([]int, 9)
	kind.DType = "F12"
	for _, v := range []View{short, rank, kind, view("__metadata__", 1), view("\xff", 1), view(strings.Repeat("n", maxName+1), 1), {Name: "w", DType: U8, Shape: []int{-1}}} {
		if err := Write(path, []View{v}, nil); err == nil {
			t.Errorf("wrote %v", v)
		}
	}
	if err := Write(path, nil, map[string]string{"a": "\xff"}); err == nil {
		t.Error("wrote broken metadata")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
}

func TestCheckFinite(t *testing.T) {
	inf := float32(math.Inf(-1))
	wantError(t, CheckFinite(view("w", 1, 2, inf)), `"w"`, "element 2 of 3", "-Inf")
	wantError(t, CheckFinite(view("w", float32(math.NaN()))), "NaN")
	if err := CheckFinite(view("w", 1, math.MaxFloat32, -1, 1e-45)); err != nil {
		t.Error(err)
	}
	for d, data := range map[DType]string{F16: "\x00\x3c\x01\x7c", BF16: "\x80\x3f\x80\x7f", F64: "\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\xf0\x7f"} {
		wantError(t, CheckFinite(View{Name: "w", DType: d, Shape: []int{2}, Data: []byte(data)}), "element 1 of 2")
	}
	if err := CheckFinite(View{Name: "ids", DType: I64, Shape: []int{1}, Data: []byte("\xff\xff\xff\xff\xff\xff\xff\xff")}); err != nil {
		t.Error(err)
	}
}

func TestToF32Refuses(t *testing.T) {
	wantError(t, ToF32(make([]float32, 2), view("w", 1)), "1 elements", "2")
	wantError(t, ToF32(make([]float32, 1), View{Name: "w", DType: I64, Shape: []int{1}, Data: make([]byte, 8)}), "I64")
	wantError(t, ToF32(make([]float32, 1), View{Name: "w", DType: F32, Shape: []int{1}, Data: make([]byte, 3)}), "takes 4 bytes")
}

// TestHostileHeaderIsCheap: sizes are checked before memory is taken.
func TestHostileHeaderIsCheap(t *testing.T) {
	file := []byte(`........{"a":{"dtype":"F64","shape":[1000000000,1000],"data_offsets":[0,8000000000000]}}`)
	binary.LittleEndian.PutUint64(file, uint64(len(file)-8))
	if n := testing.AllocsPerRun(10, func() {
		if _, err := parse(file); err == nil {
			t.Fatal("accepted")
		}
	}); n > 60 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkToF32(b *testing.B) {
	for _, d := range []DType{F32, F16, BF16, F64} {
		b.Run(string(d), func(b *testing.B) {
			n := 1 << 20
			v := View{Name: "w", DType: d, Shape: []int{n}, Data: make([]byte, n*d.Bits()/8)}
			for i := range v.Data {
				v.Data[i] = byte(0x30 + i%5) // ordinary values, no special cases
			}
			dst := make([]float32, n)
			b.SetBytes(int64(4 * n))
			for b.Loop() {
				if err := ToF32(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
