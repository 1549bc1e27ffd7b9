package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeNPY writes 4-byte values as NumPy does.
func writeNPY(t *testing.T, path, kind, shape string, values any) string {
	t.Helper()
	dict := fmt.Sprintf("{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }", kind, shape)
	head := "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, 118)) + dict + strings.Repeat(" ", 117-len(dict)) + "\n"
	b, err := binary.Append([]byte(head), binary.LittleEndian, values)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBenchIndex asks for rows of the base by themselves: each is its own best. It
// asks exactly, by a walk, through a file, and among some rows.
func TestBenchIndex(t *testing.T) {
	const n, dim = 500, 16
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	base := make([]float32, n*dim)
	for i := range base {
		base[i] = float32(r.NormFloat64())
	}
	truth := make([]int32, 100)
	for i := range truth {
		truth[i] = int32(i)
	}
	args := []string{"index", "--metric", "l2", "--limit", "1", "--seconds", "0.01", "--json",
		"--base", writeNPY(t, filepath.Join(dir, "b.npy"), "f4", "500, 16", base),
		"--queries", writeNPY(t, filepath.Join(dir, "q.npy"), "f4", "100, 16", base[:100*dim]),
		"--truth", writeNPY(t, filepath.Join(dir, "t.npy"), "i4", "100, 1", truth)}
	sample := writeNPY(t, filepath.Join(dir, "c.npy"), "f4", "100, 16", base[100*dim:200*dim])
	some := writeNPY(t, filepath.Join(dir, "f.npy"), "i4", "100,", truth)
	graph := filepath.Join(dir, "g")
	for _, c := range []struct {
		plan  string
		flags []string
	}{
		{"exact", []string{"--exact"}},
		{"graph", []string{"--effort", "4", "--graph", graph}},
		{"graph", []string{"--effort", "4", "--graph", graph}},
		{"flat", []string{"--calibrate", sample, "--filter", some}},
	} {
		code, stdout, stderr := runBench(t, append(args, c.flags...)...)
		var got indexReport
		if err := json.Unmarshal([]byte(stdout), &got); code != exitOK || err != nil {
			t.Fatalf("%v: exit %d, %v: %s", c.flags, code, err, stderr)
		}
		if got.Plan != c.plan || got.Recall < 0.97 || got.QPS <= 0 || got.Resident < n*dim/2 {
			t.Errorf("%v: %+v", c.flags, got)
		}
	}
}

func TestReadNPYRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, shape := range []string{"2, 3", "4611686018427387905, 4", "0, 4"} {
		writeNPY(t, path, "f4", shape, make([]float32, 4))
		if _, _, err := readNPY[float32](path); err == nil {
			t.Errorf("shape %s was taken", shape)
		}
	}
	writeNPY(t, path, "f4", "4,", make([]float32, 4))
	if got, width, err := readNPY[float32](path); err != nil || len(got) != 4 || width != 1 {
		t.Error(got, width, err)
	}
	if _, _, err := readNPY[int32](path); err == nil {
		t.Error("floats were taken for ints")
	}
}
