package kernels

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// TestManifest holds every kernel's code to the manifest: hashes, and of the PTX the
// entry, the parameters in their order, the threads of a block.
func TestManifest(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, target := range Targets {
		raw, err := fs.ReadFile(files, target+".zip")
		if err != nil {
			t.Fatal(err)
		}
		size += len(raw)
	}
	if size > 24_000_000 {
		t.Errorf("the kernels take %d bytes, over 24 MB", size)
	}
	for _, k := range s.Kernels {
		for _, target := range Targets {
			code, err := s.Binary(target, k.Name)
			if err != nil {
				t.Fatal(err)
			}
			if target != "compute_80" && string(code[:4]) != "\x7fELF" {
				t.Errorf("%s of %s is no cubin", k.Name, target)
			}
		}
		ptx, _ := s.Binary("compute_80", k.Name)
		k.judge(t, string(ptx))
	}
}

var (
	param = regexp.MustCompile(`\.param (\S+) (?:\.ptr \S+ (?:\.align \d+ )?)?\S*_param_(\d+)`)
	reqnt = regexp.MustCompile(`\.reqntid (\d+)`)
	isa   = regexp.MustCompile(`(?m)^\.target (\S+)`)
)

func (k *Kernel) judge(t *testing.T, ptx string) {
	if !strings.Contains(ptx, ".visible .entry "+k.Entry+"(") {
		t.Errorf("%s: the PTX has no entry %s", k.Name, k.Entry)
	}
	if m := isa.FindStringSubmatch(ptx); m == nil || m[1] != "sm_80" {
		t.Errorf("%s: the PTX is for %v", k.Name, m)
	}
	if m := reqnt.FindStringSubmatch(ptx); m == nil || m[1] != strconv.Itoa(32*k.Warps) {
		t.Errorf("%s: the PTX has blocks of %v, the manifest of %d", k.Name, m, 32*k.Warps)
	}
	head, _, _ := strings.Cut(ptx, ")")
	got := param.FindAllStringSubmatch(head, -1)
	if len(got) != len(k.Args)+2 {
		t.Fatalf("%s: the PTX has %d parameters, the manifest %d and two for scratch", k.Name, len(got), len(k.Args))
	}
	for i, p := range got {
		want := []string{".u64", ".b64"}
		if i < len(k.Args) {
			want = map[string][]string{"i32": {".u32", ".b32"}, "fp32": {".f32", ".b32"}}[k.Args[i].Type]
			if k.Args[i].Size() == 8 {
				want = []string{".u64", ".b64"}
			}
		}
		if p[2] != strconv.Itoa(i) || want == nil || p[1] != want[0] && p[1] != want[1] {
			t.Errorf("%s: parameter %d is %v in the PTX, want %v", k.Name, i, p, want)
		}
	}
}

// TestEdited changes one byte of each file: it is refused, with a reason.
func TestEdited(t *testing.T) {
	copied := func() fstest.MapFS {
		m := fstest.MapFS{}
		names, err := fs.Glob(files, "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			raw, _ := fs.ReadFile(files, n)
			m[n] = &fstest.MapFile{Data: append([]byte{}, raw...)}
		}
		return m
	}
	m := copied()
	m["rows.py"].Data[len(m["rows.py"].Data)/2]++
	if _, err := open(m); err == nil || !strings.Contains(err.Error(), "rows.py") || !strings.Contains(err.Error(), "build.py") {
		t.Errorf("an edited source: %v", err)
	}
	m = copied()
	at := strings.Index(string(m["manifest.json"].Data), `"sha256": "`) + 12
	m["manifest.json"].Data[at] ^= 1
	s, err := open(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Binary("sm_80", s.Kernels[0].Name); err == nil || !strings.Contains(err.Error(), "not what the manifest says") {
		t.Errorf("an edited manifest: %v", err)
	}
	for _, target := range Targets {
		m = copied()
		raw := m[target+".zip"].Data
		raw[len(raw)/3] ^= 4
		s, err := open(m)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, k := range s.Kernels {
			if _, err := s.Binary(target, k.Name); err != nil {
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s.zip with another bit was accepted", target)
		}
	}
}

// TestTarget: what runs on which card.
func TestTarget(t *testing.T) {
	for c, want := range map[[2]int]string{{7, 5}: "", {8, 0}: "sm_80", {8, 6}: "sm_80", {8, 9}: "sm_89", {9, 0}: "sm_90a", {10, 0}: "compute_80", {12, 0}: "compute_80"} {
		if got := Target(c[0], c[1]); got != want {
			t.Errorf("%v runs %q, want %q", c, got, want)
		}
	}
}
