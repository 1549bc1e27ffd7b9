package kernels

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

//go:embed manifest.json *.zip attention.py build.py elements.py linear.py places.py rows.py
var files embed.FS

// Targets are what the kernels are compiled for: machine code, and PTX, which the
// driver compiles for cards that are newer.
var Targets = []string{"sm_80", "sm_89", "sm_90a", "compute_80"}

// Target is the one for a compute capability; "" if there is none.
func Target(major, minor int) string {
	switch {
	case major == 8 && minor >= 9:
		return "sm_89"
	case major == 8:
		return "sm_80"
	case major == 9 && minor == 0:
		return "sm_90a"
	case major > 8:
		return "compute_80"
	}
	return ""
}

// Kernel is a row of the manifest.
type Kernel struct {
	Name      string
	Entry     string         // the function's name in the code
	Constants map[string]any // what is compiled in: tile sizes
	Warps     int            // of 32 threads, in a block
	Stages    int
	Args      []Arg
	Targets   map[string]Code
}

// Constant is one of the numbers that are compiled in.
func (k *Kernel) Constant(name string) int {
	n, _ := k.Constants[name].(float64)
	return int(n)
}

// Arg is an argument; after the last one the entry takes two more pointers, which are
// null.
type Arg struct {
	Name    string
	Type    string // as Triton writes it: *fp32, i32, fp32
	Aligned bool   // promised to be a multiple of 16
}

// Size is the argument's bytes.
func (a Arg) Size() int {
	if a.Type[0] == '*' {
		return 8
	}
	return 4
}

// Code is a kernel for one target.
type Code struct {
	Shared int // bytes of shared memory
	SHA256 string
}

// Set is all kernels.
type Set struct {
	Triton  string // the version that compiled them
	Sources map[string]string
	Kernels []Kernel

	files  fs.FS
	byName map[string]*Kernel
	mu     sync.Mutex
	opened map[string]*zip.Reader
}

// Open reads the embedded kernels.
func Open() (*Set, error) { return open(files) }

func open(f fs.FS) (*Set, error) {
	raw, err := fs.ReadFile(f, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("kernels: %w", err)
	}
	s := &Set{files: f, byName: map[string]*Kernel{}, opened: map[string]*zip.Reader{}}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("kernels: manifest.json: %w", err)
	}
	for name, want := range s.Sources {
		src, err := fs.ReadFile(f, name)
		if err != nil {
			return nil, fmt.Errorf("kernels: %w", err)
		}
		if got := sum(src); got != want {
			return nil, fmt.Errorf("kernels: %s has the hash %s, the manifest says %s: the kernels were built from another source; run kernels/build.py", name, got[:12], want[:min(12, len(want))])
		}
	}
	for i := range s.Kernels {
		s.byName[s.Kernels[i].Name] = &s.Kernels[i]
	}
	return s, nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Kernel finds a kernel; nil if there is none of that name.
func (s *Set) Kernel(name string) *Kernel { return s.byName[name] }

// Binary is a kernel's code for a target, checked against the manifest.
func (s *Set) Binary(target, name string) ([]byte, error) {
	k := s.byName[name]
	if k == nil {
		return nil, fmt.Errorf("kernels: there is no kernel %q", name)
	}
	z, err := s.archive(target)
	if err != nil {
		return nil, err
	}
	f, err := z.Open(name)
	if err != nil {
		return nil, fmt.Errorf("kernels: %s of %s: %w", name, target, err)
	}
	defer f.Close()
	code, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("kernels: %s of %s: %w", name, target, err)
	}
	if got := sum(code); got != k.Targets[target].SHA256 {
		return nil, fmt.Errorf("kernels: %s of %s is not what the manifest says: its hash is %s; run kernels/build.py", name, target, got[:12])
	}
	return code, nil
}

func (s *Set) archive(target string) (*zip.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z := s.opened[target]; z != nil {
		return z, nil
	}
	raw, err := fs.ReadFile(s.files, target+".zip")
	if err != nil {
		return nil, fmt.Errorf("kernels: %w", err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("kernels: %s.zip: %w", target, err)
	}
	s.opened[target] = z
	return z, nil
}
