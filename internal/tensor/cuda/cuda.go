package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/kernels"
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
	kernels *kernels.Set
	target  string             // that they are compiled for
	loaded  map[string]*loaded // on the card, by name
	modules []module
	scratch [2]*memory // of a lane
	faults  *memory    // a word for each lane

	recorded recorded
	code     []byte // of the sequence that is sent
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
	b := &Backend{pool: pool{worker: w}, loaded: map[string]*loaded{},
		recorded: recorded{seed: maphash.MakeSeed(), by: map[uint64][]*sequence{}}}
	if err := b.begin(o); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Backend) begin(o Options) (err error) {
	if b.kernels, err = kernels.Open(); err != nil {
		return err
	}
	if b.target = kernels.Target(b.card.Capability[0], b.card.Capability[1]); b.target == "" {
		return fmt.Errorf("cuda: %s is too old; emblem needs compute capability 8.0 (Ampere) or newer", b.card)
	}
	if b.budget, err = b.budgetOf(o.Memory); err != nil {
		return err
	}
	if b.faults, err = b.alloc(512); err != nil {
		return err
	}
	return b.do(func() (err error) {
		b.staging, err = b.newStaging(cmp.Or(o.slot, 4<<20))
		return err
	})
}

// Close gives the card back.
func (b *Backend) Close() {
	for _, m := range append(b.scratch[:], b.faults) {
		if m != nil {
			b.free(m)
		}
	}
	b.do(func() error {
		for _, all := range b.recorded.by {
			for _, s := range all {
				b.drop(s)
			}
		}
		for _, m := range b.modules {
			b.Unload(m)
		}
		if b.staging != nil {
			b.freeStaging(b.staging)
		}
		return nil
	})
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
func (b *Backend) laneOf(t tensor.Tensor) tensor.Lane {
	return tensor.Lane(t.Buffer().(*memory).lane.Load())
}

// Sync implements tensor.Backend.
func (b *Backend) Sync(lane tensor.Lane) error { return b.settle(lane) }

// Activations implements tensor.Backend.
func (b *Backend) Activations(k tensor.Kind) tensor.DType {
	if k == tensor.KindF32 || k == tensor.KindF16 {
		return tensor.F32
	}
	return tensor.BF16
}
