// Package golden reads the numbers of reference libraries that tests compare
// with. A golden is NAME.safetensors with arrays and NAME.json with the rest,
// both written by a script in tools/golden.
//
// Only tests import it.
//
//	g := golden.Open(t, "testdata/clip-legacy")
//	golden.Within(t, "image", 3e-5, g.Rows("image"), got)
package golden

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// File is an opened golden.
type File struct {
	tb  testing.TB
	set *safetensors.Set
}

// Open opens path.safetensors and, where v is given, reads path.json into it.
func Open(tb testing.TB, path string, v ...any) *File {
	tb.Helper()
	set, err := safetensors.Open(path + ".safetensors")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { set.Close() })
	for _, v := range v {
		raw, err := os.ReadFile(path + ".json")
		if err == nil {
			err = json.Unmarshal(raw, v)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return &File{tb, set}
}

func (f *File) view(name string) safetensors.View {
	f.tb.Helper()
	v, ok := f.set.Get(name)
	if !ok {
		f.tb.Fatalf("golden: no array %q", name)
	}
	return v
}

// Has tells whether there is such an array.
func (f *File) Has(name string) bool {
	_, ok := f.set.Get(name)
	return ok
}

// Shape is an array's shape.
func (f *File) Shape(name string) []int { return f.view(name).Shape }

// Bytes is an array of U8.
func (f *File) Bytes(name string) []byte { return f.view(name).Data }

// Rows is an array of floats as rows of its last dimension.
func (f *File) Rows(name string) [][]float32 {
	f.tb.Helper()
	v := f.view(name)
	flat := make([]float32, v.Len())
	if err := safetensors.ToF32(flat, v); err != nil {
		f.tb.Fatal(err)
	}
	cols := v.Shape[len(v.Shape)-1]
	rows := make([][]float32, len(flat)/cols)
	for i := range rows {
		rows[i] = flat[i*cols : (i+1)*cols]
	}
	return rows
}

// Unit scales copies of rows to length one.
func Unit(rows [][]float32) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		var sum float64
		for _, x := range r {
			sum += float64(x) * float64(x)
		}
		out[i] = make([]float32, len(r))
		for j, x := range r {
			out[i][j] = float32(float64(x) / math.Sqrt(sum))
		}
	}
	return out
}

// MaxDiff is the largest difference between two sets of rows; infinite when
// their shapes differ or a number is not one.
func MaxDiff(want, got [][]float32) float64 {
	if len(want) != len(got) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return math.Inf(1)
		}
		for j := range want[i] {
			d := math.Abs(float64(want[i][j]) - float64(got[i][j]))
			if d != d {
				return math.Inf(1)
			}
			worst = max(worst, d)
		}
	}
	return worst
}

// MinCosine is the smallest cosine between a row and its counterpart; minus one
// when the shapes differ or a number is not one.
func MinCosine(want, got [][]float32) float64 {
	if len(want) != len(got) {
		return -1
	}
	least := 1.0
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return -1
		}
		var ab, aa, bb float64
		for j := range want[i] {
			x, y := float64(want[i][j]), float64(got[i][j])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		c := ab / math.Sqrt(aa*bb)
		if c != c {
			return -1
		}
		least = min(least, c)
	}
	return least
}

// Within fails the test when rows differ by more than bound, and logs by how
// much they do.
func Within(tb testing.TB, what string, bound float64, want, got [][]float32) {
	tb.Helper()
	d := MaxDiff(want, got)
	tb.Logf("%s: max difference %.2g (bound %.2g)", what, d, bound)
	if d > bound {
		tb.Errorf("%s differs by %g, want at most %g", what, d, bound)
	}
}

// Close fails the test when a row's cosine to its counterpart is under bound,
// and logs the smallest.
func Close(tb testing.TB, what string, bound float64, want, got [][]float32) {
	tb.Helper()
	c := MinCosine(want, got)
	tb.Logf("%s: smallest cosine %.6f (bound %.4f)", what, c, bound)
	if c < bound {
		tb.Errorf("%s has cosine %g, want at least %g", what, c, bound)
	}
}
