package dry

import (
	"fmt"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Backend implements tensor.Backend. It is safe for concurrent use.
type Backend struct {
	mu      sync.Mutex
	ops     map[string]*Line
	order   []string // of ops, by first use
	weights map[tensor.Kind]int
	held    int // bytes of buffers
}

// New opens the backend.
func New() *Backend {
	return &Backend{ops: map[string]*Line{}, weights: map[tensor.Kind]int{}}
}

// buffer has a size and no memory.
type buffer struct {
	owner *Backend
	size  int
	freed bool
}

// Size implements tensor.Buffer.
func (b *buffer) Size() int { return b.size }

// packed stands for a weight's memory.
type packed struct {
	owner *Backend
	freed bool
}

// Name implements tensor.Backend.
func (b *Backend) Name() string { return "dry" }

// Alloc implements tensor.Backend.
func (b *Backend) Alloc(bytes int) (tensor.Buffer, error) {
	if bytes < 0 {
		return nil, fmt.Errorf("dry: cannot allocate %d bytes", bytes)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held += bytes
	return &buffer{owner: b, size: bytes}, nil
}

// Free implements tensor.Backend.
func (b *Backend) Free(buf tensor.Buffer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := buf.(*buffer)
	m.freed = true
	b.held -= m.size
}

// Upload implements tensor.Backend: the values are dropped.
func (b *Backend) Upload(t tensor.Tensor, src []byte) error { return b.transfer("upload", t, src) }

// Download implements tensor.Backend: the values are zeros.
func (b *Backend) Download(dst []byte, t tensor.Tensor) error {
	clear(dst)
	return b.transfer("download", t, dst)
}

func (b *Backend) transfer(what string, t tensor.Tensor, host []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(host) != bytes(t) {
		return fmt.Errorf("dry: %s of %d bytes for %v", what, len(host), t)
	}
	return b.holds(what, t)
}

// Pack implements tensor.Backend. It reads no rows; the size is that of the
// numbers themselves, and of a scale a row for int8, a group for int4.
func (b *Backend) Pack(kind tensor.Kind, out, in int, _ tensor.Rows) (tensor.Weight, error) {
	bits, ok := map[tensor.Kind]int{tensor.KindF32: 32, tensor.KindF16: 16, tensor.KindBF16: 16, tensor.KindI8: 8}[kind]
	if kind.Group() > 0 {
		bits, ok = 4, true
	}
	if !ok || out < 1 || in < 1 {
		return tensor.Weight{}, fmt.Errorf("dry: pack a weight of %d by %d as %v", out, in, kind)
	}
	size := (out*in*bits + 7) / 8
	if kind == tensor.KindI8 {
		size += 4 * out
	}
	if g := kind.Group(); g > 0 {
		size += 4 * out * ((in + g - 1) / g)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.weights[kind] += size
	return tensor.NewWeight(kind, out, in, size, &packed{owner: b}), nil
}

// Unpack implements tensor.Backend.
func (b *Backend) Unpack(w tensor.Weight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w.Packed().(*packed).freed = true
	b.weights[w.Kind()] -= w.Bytes()
}

// Activations implements tensor.Backend: those of a processor with bf16.
func (b *Backend) Activations(k tensor.Kind) tensor.DType {
	if k == tensor.KindBF16 || k.Group() > 0 {
		return tensor.BF16
	}
	return tensor.F32
}

// Exec implements tensor.Backend: it demands that all operands are alive and lie
// within their buffers, and counts the op.
func (b *Backend) Exec(_ tensor.Lane, op tensor.Op) error {
	price, err := Cost(op)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	u, _ := uses(op)
	for _, t := range u.all() {
		if err := b.holds(Name(op), t); err != nil {
			return err
		}
	}
	if o, ok := op.(*tensor.Linear); ok {
		if w, ok := o.W.Packed().(*packed); !ok || w.owner != b || w.freed {
			return fmt.Errorf("dry: linear: w %v is freed or another backend's", o.W)
		}
	}
	b.count(Name(op), price)
	return nil
}

// holds checks that t, if present, views living memory of this backend.
func (b *Backend) holds(what string, t tensor.Tensor) error {
	if !t.Ok() || t.Len() == 0 {
		return nil
	}
	m, ok := t.Buffer().(*buffer)
	if !ok || m.owner != b || m.freed {
		return fmt.Errorf("dry: %s: %v is in freed memory or another backend's", what, t)
	}
	end := (t.Offset() + (t.Rows()-1)*t.LD() + t.Cols()) * t.DType().Size()
	if t.Offset() < 0 || end > m.size {
		return fmt.Errorf("dry: %s: %v ends at byte %d of a buffer of %d", what, t, end, m.size)
	}
	return nil
}

// Sync implements tensor.Backend.
func (b *Backend) Sync(tensor.Lane) error { return nil }
