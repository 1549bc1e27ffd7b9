package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// corpusCase is a file and the reference's verdict on it
// (tools/golden/safetensors.py).
type corpusCase struct {
	Name     string
	File     []byte
	Accept   bool
	Error    string
	Stricter string // why emblem refuses it although the reference accepts it
	Metadata map[string]string
	Tensors  map[string]struct {
		DType DType
		Shape []int
		Data  string // hex
	}
}

func readGolden(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readCorpus(t testing.TB) []corpusCase {
	var corpus struct{ Cases []corpusCase }
	readGolden(t, "corpus.json", &corpus)
	if len(corpus.Cases) < 60 {
		t.Fatalf("only %d cases", len(corpus.Cases))
	}
	return corpus.Cases
}

func openBytes(t testing.TB, file []byte) (*Set, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if s != nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// TestReference holds the reader against the reference's verdict and values.
func TestReference(t *testing.T) {
	for _, c := range readCorpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			s, err := openBytes(t, c.File)
			if !c.Accept || c.Stricter != "" {
				if err == nil {
					t.Fatalf("accepted; the reference: %q, stricter: %q", c.Error, c.Stricter)
				}
				if !strings.Contains(err.Error(), "x.safetensors: ") {
					t.Errorf("the error does not name the file: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("refused what the reference accepts: %v", err)
			}
			compareCase(t, s, c)
		})
	}
}

func compareCase(t *testing.T, s *Set, c corpusCase) {
	if want := slices.Sorted(maps.Keys(c.Tensors)); !slices.Equal(s.Names(), want) {
		t.Fatalf("names %q, want %q", s.Names(), want)
	}
	if !maps.Equal(s.Metadata(), c.Metadata) {
		t.Errorf("metadata %q, want %q", s.Metadata(), c.Metadata)
	}
	for name, want := range c.Tensors {
		v, ok := s.Get(name)
		if !ok || v.Name != name || v.DType != want.DType || !slices.Equal(v.Shape, want.Shape) || hex.EncodeToString(v.Data) != want.Data {
			t.Errorf("%q: got %v, want %v", name, v, want)
		}
	}
}

// TestRoundTrip writes what the reference accepts and reads it again.
func TestRoundTrip(t *testing.T) {
	for _, c := range readCorpus(t) {
		if !c.Accept || c.Stricter != "" {
			continue
		}
		s, err := openBytes(t, c.File)
		if err != nil {
			t.Fatal(err)
		}
		compareCase(t, rewrite(t, s), c)
	}
}

func rewrite(t *testing.T, s *Set) *Set {
	var views []View
	for _, n := range s.Names() {
		v, _ := s.Get(n)
		views = append(views, v)
	}
	path := filepath.Join(t.TempDir(), "again.safetensors")
	if err := Write(path, views, s.Metadata()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

// TestFloats converts every float16 and bfloat16, and hard float64 values, as
// torch and numpy do.
func TestFloats(t *testing.T) {
	var g struct {
		F16, BF16 string
		F64       struct {
			Bits   []string
			Digest string
		}
	}
	readGolden(t, "floats.json", &g)
	every := make([]byte, 0, 2<<16)
	for i := range 1 << 16 {
		every = binary.LittleEndian.AppendUint16(every, uint16(i))
	}
	var f64 []byte
	for _, b := range g.F64.Bits {
		u, err := strconv.ParseUint(b, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		f64 = binary.LittleEndian.AppendUint64(f64, u)
	}
	for _, c := range []struct {
		d    DType
		data []byte
		want string
	}{{F16, every, g.F16}, {BF16, every, g.BF16}, {F64, f64, g.F64.Digest}} {
		// One byte in, so that no element is aligned.
		data := append(make([]byte, 1), c.data...)[1:]
		v := View{Name: "w", DType: c.d, Shape: []int{len(data) * 8 / c.d.Bits()}, Data: data}
		dst := make([]float32, v.Len())
		if err := ToF32(dst, v); err != nil {
			t.Fatal(err)
		}
		if got := digest(dst); got != c.want {
			t.Errorf("%s: digest %s, want %s", c.d, got, c.want)
		}
	}
}

// digest hashes the bits; all NaN count as one, since their payload is free.
func digest(values []float32) string {
	var b []byte
	for _, x := range values {
		u := math.Float32bits(x)
		if x != x {
			u = 0x7fc00000
		}
		b = binary.LittleEndian.AppendUint32(b, u)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestWriteReference writes the content of a file by the reference's writer
// and gets its bytes.
func TestWriteReference(t *testing.T) {
	const golden = "testdata/written.safetensors"
	s, err := Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := rewrite(t, s).shards[0].mem; string(got) != string(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add(c.File)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := parse(file)
		if err != nil {
			return
		}
		total := h.body
		for _, e := range h.entries {
			total += e.end - e.start
			v := View{Name: e.name, DType: e.dtype, Shape: e.shape, Data: file[h.body+e.start : h.body+e.end]}
			if err := checkView(v); err != nil {
				t.Fatal(err)
			}
			if n := v.Len(); n*e.dtype.Bits()/8 != len(v.Data) {
				t.Fatalf("%d elements of %s in %d bytes", n, e.dtype, len(v.Data))
			}
			if CheckFinite(v) == nil && !e.dtype.whole() {
				if err := ToF32(make([]float32, v.Len()), v); err != nil {
					t.Fatal(err)
				}
			}
		}
		if total != int64(len(file)) {
			t.Fatalf("tensors and header cover %d of %d bytes", total, len(file))
		}
		if !json.Valid(file[8:h.body]) {
			t.Fatal("accepted a header that encoding/json refuses")
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":1e3,"x":[null,{"y":true}]},"weight_map":{"a":"model-00001-of-00001.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"x.safetensors"},"weight_map":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseIndex(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatal("accepted an index that encoding/json refuses")
		}
		for _, name := range m {
			if filepath.Base(name) != name || !filepath.IsLocal(name) {
				t.Fatalf("shard name %q", name)
			}
		}
	})
}
