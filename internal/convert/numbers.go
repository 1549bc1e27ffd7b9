package convert

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// job is one tensor of the file to be: what its head is and how its bytes are made.
type job struct {
	head safetensors.View // without Data
	from []safetensors.View
	fill func() ([]byte, error)
}

const scaleSuffix = "_scale" // of a tensor of int8 rows, in compressed-tensors

// jobs says what becomes of a set's tensors, each under its new name.
func (w *writer) jobs(set *safetensors.Set, l *layout) (all []job, err error) {
	parts, err := l.produce(set)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		dtype := w.target(p.head)
		switch {
		case p.int8 && w.DType == "":
			all = append(all, p.asIs(), p.scales())
		case slices.ContainsFunc(p.from, func(v safetensors.View) bool { return slices.Contains(w.Int8, v.Name) }):
			all = append(all, p.quantised()...)
			w.report.Changed++
		case !p.reads || dtype == p.head.DType:
			all = append(all, p.asIs())
		default:
			all = append(all, p.as(dtype))
			w.report.Changed++
		}
		if last := all[len(all)-1].head; strings.HasSuffix(last.Name, scaleSuffix) && last.Name != p.head.Name {
			w.report.Int8++
		} else if module, ok := strings.CutSuffix(p.head.Name, ".weight"); ok && len(p.head.Shape) == 2 && !strings.Contains(module, "embed") {
			w.linear = append(w.linear, module)
		}
	}
	return all, nil
}

// target is the dtype that a tensor of numbers gets.
func (w *writer) target(head safetensors.View) safetensors.DType {
	switch w.DType {
	case "f32":
		return safetensors.F32
	case "f16":
		return safetensors.F16
	case "bf16":
		return safetensors.BF16
	}
	if head.DType == safetensors.I8 {
		return safetensors.F32
	}
	return head.DType
}

// narrow stores numbers in a dtype. One that is not finite, or that the dtype does not
// hold, is an error.
func narrow(name string, v []float32, d safetensors.DType) ([]byte, error) {
	out := make([]byte, 0, len(v)*d.Bits()/8)
	for i, f := range v {
		if f-f != 0 {
			return nil, fmt.Errorf("%s has infinite numbers or NaN: the file is damaged, or its training failed; fetch it again", name)
		}
		switch d {
		case safetensors.F32:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
			continue
		case safetensors.F16:
			h := simd.ToF16(f)
			if h&0x7c00 == 0x7c00 {
				return nil, fmt.Errorf("%s: its number %d is %g, which f16 does not hold; use bf16", name, i, f)
			}
			out = binary.LittleEndian.AppendUint16(out, h)
		case safetensors.BF16:
			h := tensor.ToBF16(f)
			if h&0x7f80 == 0x7f80 {
				return nil, fmt.Errorf("%s: its number %d is %g, which bf16 does not hold; use f32", name, i, f)
			}
			out = binary.LittleEndian.AppendUint16(out, h)
		default:
			return nil, fmt.Errorf("%s is %s, which is not written", name, d)
		}
	}
	return out, nil
}

// quantise rounds rows of numbers to 127 steps of their largest magnitude.
func quantise(name string, v []float32, rows int) (q []byte, scales []float32, err error) {
	q, scales = make([]byte, len(v)), make([]float32, rows)
	cols := len(v) / rows
	for r := range rows {
		row, top := v[r*cols:(r+1)*cols], float32(0)
		for _, f := range row {
			if f-f != 0 {
				return nil, nil, fmt.Errorf("%s has infinite numbers or NaN: the file is damaged, or its training failed; fetch it again", name)
			}
			top = max(top, f, -f)
		}
		if top < 1e-30 { // what a model opened as int8 takes for nothing
			scales[r] = 1
			continue
		}
		scales[r] = steady(top)
		inverse := 127 / top
		for i, f := range row {
			q[r*cols+i] = byte(int8(math.RoundToEven(float64(float32(f * inverse)))))
		}
	}
	return q, scales, nil
}

// steady is the 127th part of a row's largest magnitude, or one of its neighbours, so
// that a model that is opened as int8, and rounds 127 steps of it once more, comes to
// the same 127th part as from the row itself.
func steady(top float32) float32 {
	want := top * (1.0 / 127)
	up, down := math.Nextafter32(want, 2*want), math.Nextafter32(want, 0)
	for _, s := range []float32{want, up, down} {
		if again := float32(127 * s); again*(1.0/127) == want {
			return s
		}
	}
	return want
}
