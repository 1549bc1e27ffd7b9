package simd

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// native lists what this processor can run, the best last.
func native() []set {
	var out []set
	x := &cpu.X86
	if x.HasSSE41 {
		out = append(out, set{"sse", sse})
	}
	if !x.HasAVX2 || !x.HasFMA {
		return out
	}
	out = append(out, set{"avx2", avx2})
	if x.HasAVXVNNI {
		out = append(out, set{"avxvnni", avxVNNI})
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512VL || !x.HasAVX512DQ {
		return out
	}
	out = append(out, set{"avx512", avx512})
	if x.HasAVX512VNNI {
		out = append(out, set{"avx512vnni", avx512VNNI})
	}
	if !x.HasAVX512VNNI || !x.HasAVX512BF16 {
		return out
	}
	out = append(out, set{"avx512bf16", avx512BF16})
	if x.HasAMXTile && x.HasAMXBF16 && x.HasAMXInt8 && tilesAllowed() {
		out = append(out, set{"amx", amx})
	}
	return out
}

func sse() *Kernels {
	k := generic("sse", 4, 8)
	k.F32, k.F16, k.BF16, k.I8 = tiles_f32_sse, nil, nil, nil
	k.ToF32 = Stored{finish_sse, k.ToF32.FinishInt, softmax_f32_sse, layernorm_f32_sse, rmsnorm_f32_sse, scalerows_f32_sse}
	k.Dot = dot_f32_sse
	k.Lists = Lists{codes_sse, rows_f32_sse}
	return k
}

func avx2() *Kernels {
	k := generic("avx2", 8, 16)
	k.F32, k.F16, k.BF16, k.I8, k.WideI8 = tiles_f32_avx2, tiles_f16_avx2, nil, tiles_i16_avx2, true
	k.ToF32 = Stored{finish_avx2, finishint_avx2, softmax_f32_avx2, layernorm_f32_avx2, rmsnorm_f32_avx2, scalerows_f32_avx2}
	k.Quantize, k.Dot, k.UnpackF32 = quantize_i16_avx2, dot_f32_avx2, unpack_f32_avx2
	k.Lists = Lists{codes_avx2, rows_f32_avx2}
	k.Widen = Widen{widen_f32_avx2, widen_f16_avx2, widen_bf16_avx2}
	return k
}

func avxVNNI() *Kernels {
	k := avx2()
	k.Name, k.I8, k.WideI8, k.Quantize = "avxvnni", tiles_i8_avxvnni, false, quantize_u8_avx2
	k.Codes = codes_avxvnni
	return k
}

func avx512() *Kernels {
	k := generic("avx512", 16, 32)
	k.F32, k.F16, k.BF16, k.I8 = tiles_f32_avx512, tiles_f16_avx512, nil, nil
	k.ToF32 = Stored{finish_avx512, finishint_avx512, softmax_f32_avx512, layernorm_f32_avx512, rmsnorm_f32_avx512, scalerows_f32_avx512}
	k.Quantize, k.Dot, k.Transpose = quantize_u8_avx512, dot_f32_avx512, transpose_avx512
	k.UnpackF32 = unpack_f32_avx512
	k.Lists = Lists{codes_avx512, rows_f32_avx512}
	k.Widen = Widen{widen_f32_avx512, widen_f16_avx512, widen_bf16_avx512}
	return k
}

func avx512VNNI() *Kernels {
	k := avx512()
	k.Name, k.I8, k.Codes = "avx512vnni", tiles_i8_avx512vnni, codes_avx512vnni
	return k
}

func avx512BF16() *Kernels {
	k := avx512VNNI()
	k.Name, k.BF16 = "avx512bf16", tiles_bf16_avx512bf16
	k.ToBF16 = Stored{finish_avx512bf16, finishint_avx512bf16, softmax_bf16_avx512bf16, layernorm_bf16_avx512bf16, rmsnorm_bf16_avx512bf16, scalerows_bf16_avx512bf16}
	k.Convert, k.QuantizeBF16, k.Pair, k.UnpackBF16 = convert_bf16_avx512bf16, quantize_u8_avx512bf16, pair_avx512bf16, unpack_bf16_avx512bf16
	vendor, family := processor()
	k.FastBF16 = vendor == "AuthenticAMD" && family >= 0x19
	return k
}

// amx multiplies bf16 and int8 in tile registers; all else is AVX-512's.
func amx() *Kernels {
	k := avx512BF16()
	k.Name, k.BF16, k.I8, k.Block, k.FastBF16 = "amx", anyHeight(tall_bf16_amx), anyHeight(tall_i8_amx), 32, true
	return k
}

// tallest is how many rows a call of a tall kernel is given at most: some ten
// microseconds of work, which Go cannot interrupt.
const tallest = 512

// anyHeight makes tiles of a kernel that takes the number of rows.
func anyHeight(f func(a, b, c unsafe.Pointer, lda, ldb, ldc, k, acc uintptr, next unsafe.Pointer, ahead, rows uintptr)) []Tile {
	tiles := make([]Tile, tallest)
	for i := range tiles {
		rows := uintptr(i + 1)
		tiles[i] = func(a, b, c unsafe.Pointer, lda, ldb, ldc, k, acc uintptr, next unsafe.Pointer, ahead uintptr) {
			f(a, b, c, lda, ldb, ldc, k, acc, next, ahead, rows)
		}
	}
	return tiles
}

// processor reads the vendor and the family from cpuid.
func processor() (vendor string, family uint32) {
	_, b, c, d := cpuid(0)
	for _, r := range []uint32{b, d, c} {
		vendor += string([]byte{byte(r), byte(r >> 8), byte(r >> 16), byte(r >> 24)})
	}
	a, _, _, _ := cpuid(1)
	family = a >> 8 & 15
	if family == 15 {
		family += a >> 20 & 255
	}
	return vendor, family
}

// Processor is the name that the processor gives itself.
func Processor() string {
	var name []byte
	if most, _, _, _ := cpuid(0x80000000); most < 0x80000004 {
		return ""
	}
	for leaf := uint32(0x80000002); leaf <= 0x80000004; leaf++ {
		a, b, c, d := cpuid(leaf)
		for _, r := range []uint32{a, b, c, d} {
			name = binary.LittleEndian.AppendUint32(name, r)
		}
	}
	return strings.Join(strings.Fields(strings.TrimRight(string(name), "\x00")), " ")
}

// cpuid executes CPUID with the given leaf and subleaf 0.
func cpuid(leaf uint32) (a, b, c, d uint32)

// xgetbv reads the lower half of XCR0, the registers that the system saves.
func xgetbv() (low uint32)
