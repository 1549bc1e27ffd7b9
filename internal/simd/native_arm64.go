package simd

// native lists what this processor can run: NEON is part of every arm64.
func native() []set { return []set{{"neon", neon}} }

func neon() *Kernels {
	k := generic("neon", 4, 16)
	k.F32, k.F16, k.BF16, k.I8 = tiles_f32_neon, nil, nil, nil
	k.ToF32 = Stored{finish_neon, k.ToF32.FinishInt, softmax_f32_neon, layernorm_f32_neon, rmsnorm_f32_neon, scalerows_f32_neon}
	k.Dot, k.Rows = dot_f32_neon, rows_f32_neon
	return k
}

// Processor is not known here.
func Processor() string { return "" }
