package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Options choose how the backend runs; the zero value is right.
type Options struct {
	Memory int // bytes that may be held on the card; 0: nine tenths of what is free
	slot   int // bytes of a slot of pinned memory; 0: 4 MB
}

// Backend implements tensor.Backend on one card.
type Backend struct {
	pool
	staging *staging
}

// Open takes a card.
func Open(ordinal int, o Options) (*Backend, error) {
	s := Look()
	if s.Err != nil {
		return nil, s.Err
	}
	if ordinal < 0 || ordinal >= len(s.Cards) {
		return nil, fmt.Errorf("cuda: there is no cuda:%d; the driver finds %d cards", ordinal, len(s.Cards))
	}
	d, err := library()
	if err != nil {
		return nil, err
	}
	return newBackend(d, s.Cards[ordinal], o)
}

// newBackend takes a card of a driver; on failure nothing is left behind.
func newBackend(d *driver, c Card, o Options) (*Backend, error) {
	w, err := newWorker(d, c)
	if err != nil {
		return nil, err
	}
	b := &Backend{pool: pool{worker: w}}
	if err := b.begin(o); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Backend) begin(o Options) (err error) {
	if b.budget, err = b.budgetOf(o.Memory); err != nil {
		return err
	}
	return b.do(func() (err error) {
		b.staging, err = b.newStaging(cmp.Or(o.slot, 4<<20))
		return err
	})
}

// Close gives the card back.
func (b *Backend) Close() {
	if b.staging != nil {
		b.do(func() error { b.freeStaging(b.staging); return nil })
	}
	b.close()
}

// Name implements tensor.Backend.
func (b *Backend) Name() string { return fmt.Sprintf("cuda:%d (%s)", b.card.Ordinal, b.card.Name) }

// Card describes the card.
func (b *Backend) Card() Card { return b.card }

// PreferBF16 tells that bf16 is the best dtype of every card from Ampere on.
func (b *Backend) PreferBF16() bool { return true }

// Alloc implements tensor.Backend.
func (b *Backend) Alloc(bytes int) (tensor.Buffer, error) {
	m, err := b.alloc(bytes)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Free implements tensor.Backend.
func (b *Backend) Free(buf tensor.Buffer) { b.free(buf.(*memory)) }

// Upload implements tensor.Backend: on the lane that uses the memory, which it waits
// for.
func (b *Backend) Upload(t tensor.Tensor, src []byte) error {
	at, err := b.addressOf(t)
	if err = errors.Join(err, whole(t, src)); err != nil {
		return err
	}
	err = b.upload(b.laneOf(t), parts(t, at, src, b.staging.size))
	runtime.KeepAlive(src)
	return err
}

// Download implements tensor.Backend.
func (b *Backend) Download(dst []byte, t tensor.Tensor) error {
	at, err := b.addressOf(t)
	if err = errors.Join(err, whole(t, dst)); err != nil {
		return err
	}
	return b.download(b.laneOf(t), parts(t, at, dst, b.staging.size))
}

// laneOf is the lane that t's memory was last used on.
func (b *Backend) laneOf(t tensor.Tensor) tensor.Lane { return t.Buffer().(*memory).lane }

// Sync implements tensor.Backend.
func (b *Backend) Sync(lane tensor.Lane) error { return b.settle(lane) }

// Activations implements tensor.Backend.
func (b *Backend) Activations(k tensor.Kind) tensor.DType {
	if k == tensor.KindF32 || k == tensor.KindF16 {
		return tensor.F32
	}
	return tensor.BF16
}

// Pack implements tensor.Backend.
func (b *Backend) Pack(kind tensor.Kind, _, _ int, _ tensor.Rows) (tensor.Weight, error) {
	return tensor.Weight{}, fmt.Errorf("cuda: weights of %v are not implemented yet; run with --device cpu", kind)
}

// Unpack implements tensor.Backend.
func (b *Backend) Unpack(tensor.Weight) {}

// Exec implements tensor.Backend.
func (b *Backend) Exec(_ tensor.Lane, op tensor.Op) error {
	return fmt.Errorf("cuda: %T is not implemented yet; run with --device cpu", op)
}
