package convert

import (
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// describe finds out what a part's numbers are, and the scales of int8.
func (p *part) describe(set *safetensors.Set) error {
	switch p.head.DType {
	case safetensors.F16, safetensors.BF16, safetensors.F32, safetensors.F64:
		p.reads = true
		return nil
	case safetensors.I8:
	default:
		return nil
	}
	for _, v := range p.from {
		s, ok := set.Get(v.Name + scaleSuffix)
		if !ok {
			return nil // whole numbers
		}
		rows := 1
		if len(v.Shape) > 0 {
			rows = v.Shape[0]
		}
		one := make([]float32, s.Len())
		if err := safetensors.ToF32(one, s); err != nil {
			return err
		}
		switch {
		case len(one) == 1:
			one = slices.Repeat(one, rows)
		case len(one) != rows:
			return fmt.Errorf("%s has %d numbers for %d rows", s.Name, len(one), rows)
		}
		p.scale = append(p.scale, one...)
	}
	if rows := p.head.Shape[0]; len(p.scale) != rows { // a part of its source
		return fmt.Errorf("%s is a part of an int8 tensor; write it as f32 first", p.head.Name)
	}
	p.reads, p.int8 = true, true
	return nil
}

// asIs keeps the bytes.
func (p *part) asIs() job {
	return job{p.head, p.from, func() ([]byte, error) {
		b := p.bytes()
		v := p.head
		v.Data = b
		if p.reads && !p.int8 {
			if err := safetensors.CheckFinite(v); err != nil {
				return nil, err
			}
		}
		return b, nil
	}}
}

// scales is the tensor that goes with int8 rows.
func (p *part) scales() job {
	head := scaleHead(p.head)
	return job{head, nil, func() ([]byte, error) { return narrow(head.Name, p.scale, safetensors.F32) }}
}

func scaleHead(of safetensors.View) safetensors.View {
	return safetensors.View{Name: of.Name + scaleSuffix, DType: safetensors.F32, Shape: []int{of.Shape[0], 1}}
}

// numbers are the part's, in float32.
func (p *part) numbers() ([]float32, error) {
	v := p.head
	v.Data = p.bytes()
	out := make([]float32, v.Len())
	if !p.int8 {
		return out, safetensors.ToF32(out, v)
	}
	row := len(out) / len(p.scale)
	for i, b := range v.Data {
		out[i] = float32(int8(b)) * p.scale[i/row]
	}
	return out, nil
}

// as stores the numbers in another dtype.
func (p *part) as(d safetensors.DType) job {
	head := p.head
	head.DType = d
	return job{head, p.from, func() ([]byte, error) {
		v, err := p.numbers()
		if err != nil {
			return nil, err
		}
		return narrow(head.Name, v, d)
	}}
}

// quantised stores the numbers as int8 rows and their scales. Each of the two rounds
// for itself: the file has all scales before all rows, which are not kept so long.
func (p *part) quantised() []job {
	head := p.head
	head.DType = safetensors.I8
	work := func() ([]byte, []float32, error) {
		v, err := p.numbers()
		if err != nil {
			return nil, nil, err
		}
		return quantise(head.Name, v, head.Shape[0])
	}
	scale := scaleHead(head)
	return []job{
		{head, p.from, func() ([]byte, error) {
			q, _, err := work()
			return q, err
		}},
		{scale, p.from, func() ([]byte, error) {
			_, scales, err := work()
			if err != nil {
				return nil, err
			}
			return narrow(scale.Name, scales, safetensors.F32)
		}},
	}
}
