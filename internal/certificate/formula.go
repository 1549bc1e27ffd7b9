package certificate

import (
	"encoding/binary"
	"image"
	"math"

	"github.com/emblem-search/emblem/internal/mersenne"
	"github.com/emblem-search/emblem/internal/safetensors"
)

// formula says how a tensor is made: centre + k/2^shift, where k are whole numbers
// of so many bits around 0, from torch's generator. Each is a bf16 and an f16, too.
type formula struct {
	Name   string  `json:"name"`
	Shape  []int   `json:"shape"`
	Seed   uint64  `json:"seed"`
	Centre float64 `json:"centre"`
	Bits   int     `json:"bits"`
	Shift  int     `json:"shift"`
}

// view makes the tensor.
func (f formula) view() safetensors.View {
	n := 1
	for _, d := range f.Shape {
		n *= d
	}
	step, half, source := math.Ldexp(1, -f.Shift), 1<<f.Bits/2, mersenne.New(f.Seed)
	data := make([]byte, 4*n)
	for i := range n {
		k := int(source.Uint32()>>(24-f.Bits)&(1<<f.Bits-1)) - half // torch.rand has the lower 24 bits
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(float32(f.Centre+float64(k)*step)))
	}
	return safetensors.View{Name: f.Name, DType: safetensors.F32, Shape: f.Shape, Data: data}
}

// pictureSizes are those of the pictures that goldens have been made of.
var pictureSizes = []image.Point{{131, 87}, {33, 50}}

// pictures are made by arithmetic: slopes, hard edges, and something of every size.
func pictures() []image.Image {
	var all []image.Image
	for _, size := range pictureSizes {
		img := image.NewRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X {
				at := img.Pix[img.PixOffset(x, y):]
				for c := range 3 {
					at[c] = byte(x*(7+c) + y*(13-2*c) + x*y/(5+c))
				}
				at[3] = 255
			}
		}
		all = append(all, img)
	}
	return all
}
