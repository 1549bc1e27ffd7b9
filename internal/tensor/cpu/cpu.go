package cpu

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// Options choose how the backend runs; the zero value is right.
type Options struct {
	Kernels string // a set of internal/simd; "": EMBLEM_KERNELS, else the machine's best
	Workers int    // 0: GOMAXPROCS
}

// Backend implements tensor.Backend.
type Backend struct {
	kern    *simd.Kernels
	team    *team
	turn    turn
	scratch []scratch // one a worker
	rows    scratch   // converted activations of the op that runs
	scales  scratch
	last    *panels // the weight of the last Linear
	zeros   *memory // a bias of zeros
	ones    *memory // a norm's weight of ones
}

const longest = 1 << 20 // bytes of zeros: the widest layer has 262,144 columns

// New opens the backend.
func New(o Options) (*Backend, error) {
	kern, err := simd.Best()
	if o.Kernels != "" {
		kern, err = simd.ByName(o.Kernels)
	}
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	b := &Backend{kern: kern, team: newTeam(o.Workers), scratch: make([]scratch, o.Workers)}
	if b.zeros, err = allocate(longest); err == nil {
		b.ones, err = allocate(longest)
	}
	if err != nil {
		return nil, err
	}
	for i := range b.ones.f32() {
		b.ones.f32()[i] = 1
	}
	runtime.AddCleanup(b, (*team).stop, b.team)
	return b, nil
}

// Name implements tensor.Backend.
func (b *Backend) Name() string { return "cpu (" + b.kern.Name + ")" }

// Kernels is the instruction set in use.
func (b *Backend) Kernels() *simd.Kernels { return b.kern }

// Workers is the number of cores in use.
func (b *Backend) Workers() int { return len(b.scratch) }

// PreferBF16 tells whether bf16 is this processor's best dtype.
func (b *Backend) PreferBF16() bool { return b.kern.FastBF16 }

// Activations implements tensor.Backend.
func (b *Backend) Activations(k tensor.Kind) tensor.DType {
	if k == tensor.KindBF16 && b.kern.BF16 != nil || k == tensor.KindI8 && b.kern.QuantizeBF16 != nil || k.Group() > 0 && b.kern.FastBF16 {
		return tensor.BF16
	}
	return tensor.F32
}

// Alloc implements tensor.Backend.
func (b *Backend) Alloc(bytes int) (tensor.Buffer, error) { return allocate(bytes) }

// Free implements tensor.Backend.
func (b *Backend) Free(buf tensor.Buffer) { buf.(*memory).free() }

// Upload implements tensor.Backend.
func (b *Backend) Upload(t tensor.Tensor, src []byte) error { return copyRows(t, src, false) }

// Download implements tensor.Backend.
func (b *Backend) Download(dst []byte, t tensor.Tensor) error { return copyRows(t, dst, true) }

func copyRows(t tensor.Tensor, host []byte, out bool) error {
	n := t.Cols() * t.DType().Size()
	if len(host) != n*t.Rows() {
		return fmt.Errorf("cpu: %d bytes for %v", len(host), t)
	}
	for r := 0; r < t.Rows() && n > 0; r++ {
		row := unsafe.Slice((*byte)(rowPtr(t, r)), n)
		if out {
			copy(host[r*n:], row)
		} else {
			copy(row, host[r*n:])
		}
	}
	return nil
}

// Sync implements tensor.Backend: Exec returns when the op is done.
func (b *Backend) Sync(tensor.Lane) error { return nil }

// Exec implements tensor.Backend.
func (b *Backend) Exec(lane tensor.Lane, op tensor.Op) error {
	if lane == tensor.Bulk {
		for _, part := range split(op, b.budget()) {
			b.turn.lock(lane)
			err := b.exec(part)
			b.turn.unlock()
			if err != nil {
				return err
			}
		}
		return nil
	}
	b.turn.lock(lane)
	defer b.turn.unlock()
	return b.exec(op)
}

func (b *Backend) exec(op tensor.Op) error {
	switch o := op.(type) {
	case *tensor.Linear:
		return b.linear(o)
	case *tensor.Attention:
		return b.attention(o)
	case *tensor.LayerNorm:
		return b.norm(o.X, o.W, o.B, o.Y, o.Eps, true)
	case *tensor.RMSNorm:
		return b.norm(o.X, o.W, tensor.Tensor{}, o.Y, o.Eps, false)
	case *tensor.Rope:
		return b.rope(o)
	case *tensor.Embed:
		return b.embed(o)
	case *tensor.Scatter:
		return b.scatter(o)
	case *tensor.Patchify:
		return b.patchify(o)
	case *tensor.Unary:
		return b.unary(o)
	case *tensor.GLU:
		return b.glu(o)
	case *tensor.Copy:
		return b.copy(o)
	case *tensor.Normalize:
		return b.normalize(o)
	case *tensor.MeanPool:
		return b.meanPool(o)
	case *tensor.Merge:
		return b.merge(o)
	case *tensor.Prune:
		return b.prune(o)
	}
	return fmt.Errorf("cpu: op %T is not implemented", op)
}
