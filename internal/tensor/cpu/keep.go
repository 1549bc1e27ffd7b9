package cpu

import (
	"fmt"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// packing counts the changes of how weights are packed: their bytes, not what they
// mean. TestPacking says when to raise it.
const packing = 1

// Format implements tensor.Keeper.
func (b *Backend) Format() string { return fmt.Sprintf("cpu %s %d", b.kern.Name, packing) }

// Kept implements tensor.Keeper.
func (b *Backend) Kept(w tensor.Weight) []byte { return w.Packed().(*panels).padded() }

// KeptBuffer implements tensor.Keeper.
func (b *Backend) KeptBuffer(buf tensor.Buffer) []byte { return buf.(*memory).padded() }

func (m *memory) padded() []byte { return m.data[:roundUp(m.size, 64)] }

// Guard implements tensor.Keeper.
func (b *Backend) Guard() int { return guard }

// Adopt implements tensor.Keeper.
func (b *Backend) Adopt(kind tensor.Kind, out, in int, mem []byte) (tensor.Weight, error) {
	p, size := b.layOut(kind, out, in)
	m, err := adopt(mem, size)
	if err != nil {
		return tensor.Weight{}, err
	}
	p.memory = m
	return tensor.NewWeight(kind, out, in, size, p), nil
}

// AdoptBuffer implements tensor.Keeper.
func (b *Backend) AdoptBuffer(mem []byte) (tensor.Buffer, error) { return adopt(mem, len(mem)) }

func adopt(mem []byte, size int) (*memory, error) {
	if len(mem) < size || uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%64 != 0 {
		return nil, fmt.Errorf("cpu: %d bytes of memory for %d, or not aligned", len(mem), size)
	}
	return &memory{data: mem, size: size, lent: true}, nil
}
