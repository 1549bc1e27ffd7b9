package imagebind

// Signal is an input as its tower reads it.
type Signal struct {
	Modality Modality
	Clips    [][]float32 // (L, K) each: patches
}

// side is that of a patch: mel bins and frames, or pixels.
const side = 16

// grid is numbers in rows.
type grid struct {
	w, h   int
	values []float32 // (H, W)
}

// patches cuts squares out of the grid, every so many columns and rows, as a
// convolution without padding reads them: (rows·columns, side·side).
func (g grid) patches(every int) []float32 {
	var out []float32
	for y := 0; y+side <= g.h; y += every {
		for x := 0; x+side <= g.w; x += every {
			for k := range side {
				out = append(out, g.values[(y+k)*g.w+x:][:side]...)
			}
		}
	}
	return out
}
