package cuda

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// packed is a weight on the card: rows (Out, K) with K padded with zeros to a multiple
// of 128, which all tiles divide, then the scales: one a row for int8, one a row and
// group for 4 bits, two values to a byte there.
type packed struct {
	*memory
	kind   tensor.Kind
	ld     int // elements, for 4 bits bytes, from row to row
	scales int // bytes from the start
	group  int // of 4 bits, else 1
}

const padK = 128

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// layOut is a weight without its memory, and the size of that.
func layOut(kind tensor.Kind, out, in int) (p *packed, size int, err error) {
	p = &packed{kind: kind, ld: roundUp(in, padK), group: max(kind.Group(), 1)}
	row, scales := 0, 0
	switch {
	case kind == tensor.KindF32:
		row = 4 * p.ld
	case kind == tensor.KindF16 || kind == tensor.KindBF16:
		row = 2 * p.ld
	case kind == tensor.KindI8:
		row, scales = p.ld, 4*out
	case kind.Group() > 0:
		scales = 4 * out * (p.ld / p.group)
		p.ld /= 2
		row = p.ld
	default:
		return nil, 0, fmt.Errorf("cuda: weights of %v are not implemented", kind)
	}
	p.scales = roundUp(out*row, 256)
	return p, p.scales + scales, nil
}

// Pack implements tensor.Backend.
func (b *Backend) Pack(kind tensor.Kind, out, in int, rows tensor.Rows) (tensor.Weight, error) {
	if out < 1 || in < 1 {
		return tensor.Weight{}, fmt.Errorf("cuda: pack a weight of %d by %d", out, in)
	}
	p, size, err := layOut(kind, out, in)
	if err != nil {
		return tensor.Weight{}, err
	}
	if p.memory, err = b.alloc(size); err != nil {
		return tensor.Weight{}, err
	}
	if err := b.fill(p, out, in, rows); err != nil {
		b.free(p.memory)
		return tensor.Weight{}, err
	}
	return tensor.NewWeight(kind, out, in, size, p), nil
}

// Unpack implements tensor.Backend.
func (b *Backend) Unpack(w tensor.Weight) { b.free(w.Packed().(*packed).memory) }

// fill packs and uploads some rows at a time.
func (b *Backend) fill(p *packed, out, in int, rows tensor.Rows) error {
	row := p.scales / out // less than a row more at most
	step := max(1, min(out, b.staging.size/max(row, 1)))
	values, k := make([]float32, step*in), roundUp(in, padK)
	var scales []byte
	for lo := 0; lo < out; lo += step {
		hi := min(out, lo+step)
		rows(lo, hi, values[:(hi-lo)*in])
		var packed []byte
		for r := range hi - lo {
			packed, scales = p.row(packed, scales, values[r*in:][:in], k)
		}
		n := len(packed) / (hi - lo)
		if err := b.uploadBytes(p.at+address(lo*n), packed); err != nil {
			return err
		}
	}
	return b.uploadBytes(p.at+address(p.scales), scales)
}

func (b *Backend) uploadBytes(at address, host []byte) error {
	if len(host) == 0 {
		return nil
	}
	t := tensor.View(nil, 0, tensor.U8, len(host))
	return b.upload(tensor.Interactive, parts(t, at, host, b.staging.size))
}

// row appends a row, padded to k, and its scales.
func (p *packed) row(dst, scales []byte, v []float32, k int) (_, _ []byte) {
	padded := make([]float32, k)
	copy(padded, v)
	switch p.kind {
	case tensor.KindF32:
		return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(&padded[0])), 4*k)...), scales
	case tensor.KindF16:
		for _, x := range padded {
			h := toF16(x)
			dst = append(dst, byte(h), byte(h>>8))
		}
	case tensor.KindBF16:
		for _, x := range padded {
			h := tensor.ToBF16(x)
			dst = append(dst, byte(h), byte(h>>8))
		}
	case tensor.KindI8:
		return p.int8(dst, scales, padded)
	default:
		return p.int4(dst, scales, padded)
	}
	return dst, scales
}

// int8 has steps of the row's largest weight through 127.
func (p *packed) int8(dst, scales []byte, v []float32) (_, _ []byte) {
	top := float32(0)
	for _, x := range v {
		top = max(top, x, -x)
	}
	step := top / 127
	if step == 0 {
		step = 1
	}
	for _, x := range v {
		dst = append(dst, byte(int8(min(max(math.RoundToEven(float64(x/step)), -127), 127))))
	}
	return dst, appendFloat(scales, step)
}

// int4 has 16 steps a group, its weight of the largest magnitude being -8 of them.
func (p *packed) int4(dst, scales []byte, v []float32) (_, _ []byte) {
	for g := 0; g < len(v); g += p.group {
		part, top := v[g:g+p.group], float32(0)
		for _, x := range part {
			if max(x, -x) > max(top, -top) {
				top = x
			}
		}
		step := top / -8
		if step == 0 {
			step = 1
		}
		for i := 0; i < len(part); i += 2 {
			dst = append(dst, nibble(part[i]/step)|nibble(part[i+1]/step)<<4)
		}
		scales = appendFloat(scales, step)
	}
	return dst, scales
}

// nibble is the nearest of -8 to 7, with 8 added.
func nibble(v float32) byte { return byte(min(max(int(math.RoundToEven(float64(v))), -8), 7) + 8) }

func appendFloat(b []byte, v float32) []byte {
	u := math.Float32bits(v)
	return append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
}

// toF16 rounds to the nearest float16, ties to even.
func toF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00
	case b >= 0x47800000: // 65536
		return sign | 0x7c00
	case b < 0x38800000: // below the least normal: in steps of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*(1<<24)))
	}
	return sign | uint16((b-0x38000000+0xfff+b>>13&1)>>13)
}
