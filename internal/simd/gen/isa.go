package main

import (
	"fmt"
	"go/format"
)

// isa is one instruction set's share of the generated code.
type isa struct {
	name  string // suffix of every function
	arch  string // GOARCH
	lanes int    // float32 lanes of a register
	mr    int    // tallest matrix tile
	nr    int    // columns of a tile: two registers (four on NEON)
	tiles []dot  // kinds of matrix tile
	vec   bool   // has the elementwise kernels
	bf16  bool   // can store bf16
	tall  bool   // tiles of any height: AMX
}

// dot is how a tile multiplies: one 4-byte unit along k holds one f32, two bf16
// or four int8.
type dot string

const (
	dotF32  dot = "f32"
	dotF16  dot = "f16" // f16 weights widened while loading, f32 activations
	dotBF16 dot = "bf16"
	dotI8   dot = "i8"  // u8 activations, s8 weights
	dotI16  dot = "i16" // int8 weights widened to 16 bits, int16 activations
)

var isas = []isa{
	{name: "avx512", arch: "amd64", lanes: 16, mr: 14, nr: 32, tiles: []dot{dotF32, dotF16}, vec: true},
	{name: "avx512bf16", arch: "amd64", lanes: 16, mr: 14, nr: 32, tiles: []dot{dotBF16}, vec: true, bf16: true},
	{name: "avx512vnni", arch: "amd64", lanes: 16, mr: 14, nr: 32, tiles: []dot{dotI8}},
	{name: "amx", arch: "amd64", tiles: []dot{dotBF16, dotI8}, tall: true},
	{name: "avx2", arch: "amd64", lanes: 8, mr: 6, nr: 16, tiles: []dot{dotF32, dotF16, dotI16}, vec: true},
	{name: "avxvnni", arch: "amd64", lanes: 8, mr: 6, nr: 16, tiles: []dot{dotI8}},
	{name: "sse", arch: "amd64", lanes: 4, mr: 6, nr: 8, tiles: []dot{dotF32}, vec: true},
	{name: "neon", arch: "arm64", lanes: 4, mr: 6, nr: 16, tiles: []dot{dotF32}, vec: true},
}

// Files returns the generated files by name.
func Files() map[string][]byte {
	out := map[string][]byte{}
	stubs := map[string]*file{"amd64": newFile(), "arm64": newFile()}
	for _, s := range isas {
		f := newFile()
		for _, d := range s.tiles {
			if s.tall {
				emitTall(f, stubs[s.arch], s, d)
				continue
			}
			for m := 1; m <= s.mr; m++ {
				emitTile(f, stubs[s.arch], s, d, m)
			}
			stubs[s.arch].table(s, d)
		}
		if s.vec {
			emitKernels(f, stubs[s.arch], s)
		}
		emitCodes(f, stubs[s.arch], s)
		out[fmt.Sprintf("%s_%s.s", s.name, s.arch)] = f.assembly()
	}
	for arch, f := range stubs {
		src, err := format.Source([]byte(header + "package simd\n\nimport \"unsafe\"\n\n" + f.code.String()))
		if err != nil {
			panic(err)
		}
		out["stubs_"+arch+".go"] = src
	}
	return out
}

func newFile() *file { return &file{seen: map[string]bool{}} }

func (f *file) assembly() []byte {
	return []byte(header + "#include \"textflag.h\"\n\n" + f.data.String() + f.code.String())
}

func (f *file) p(format string, args ...any) { fmt.Fprintf(&f.code, "\t"+format+"\n", args...) }

func (f *file) label(l string) { fmt.Fprintf(&f.code, "%s:\n", l) }

// function starts a function: its text and its Go declaration.
func (f *file) function(stubs *file, name, doc string, args []string) {
	fmt.Fprintf(&f.code, "// func %s(%s)\n", name, declare(args))
	fmt.Fprintf(&f.code, "TEXT ·%s(SB), NOSPLIT, $0-%d\n", name, 8*len(args))
	fmt.Fprintf(&stubs.code, "%s\n//\n//go:noescape\nfunc %s(%s)\n\n", comment(name, doc), name, declare(args))
}

func comment(name, doc string) string { return "// " + name + " " + doc }

// table declares the slice of a kind's tiles, by height.
func (f *file) table(s isa, d dot) {
	fmt.Fprintf(&f.code, "var tiles_%s_%s = []Tile{\n", d, s.name)
	for m := 1; m <= s.mr; m++ {
		fmt.Fprintf(&f.code, "\ttile%d_%s_%s,\n", m, d, s.name)
	}
	fmt.Fprintf(&f.code, "}\n\n")
}
