package models

import (
	"context"
	"sync"

	"github.com/emblem-search/emblem/fusion"
)

// Options for Open. The zero value is right.
type Options struct {
	Device  string            // "auto" (or none), "cpu", "dry"
	DType   string            // "auto" (or none), "f32", "f16", "bf16", "int8"
	Bulk    bool              // give way to interactive work on the same device
	Lazy    bool              // read each tower's weights when they are first used
	Aliases map[string]string // short names, from the configuration
}

// Model is an open dual encoder.
type Model struct {
	*fusion.DualEncoder
	Note string // what people should know of it; mostly none
	key  key
	once sync.Once
}

// key is what makes two openings the same.
type key struct {
	place
	device, dtype string
	bulk          bool
}

// shared is an open model and the number of its users.
type shared struct {
	ready chan struct{} // closed when model or err is there
	users int
	model *fusion.DualEncoder
	err   error
}

var (
	mu   sync.Mutex
	open = map[key]*shared{}
)

// Open opens a model by name, or joins those who have it open with the same
// options.
func Open(ctx context.Context, name string, o Options) (*Model, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return nil, err
	}
	k := key{p, o.Device, o.DType, o.Bulk}
	mu.Lock()
	s, ok := open[k]
	if !ok {
		s = &shared{ready: make(chan struct{})}
		open[k] = s
	}
	s.users++
	mu.Unlock()
	if !ok {
		s.model, s.err = fusion.Load(ctx, p.dir, fusion.Options{
			Name: p.name, FS: p.files(), Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy,
		})
		close(s.ready)
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		release(k)
		return nil, ctx.Err()
	}
	if s.err != nil {
		release(k)
		return nil, s.err
	}
	return &Model{DualEncoder: s.model, Note: p.note(), key: k}, nil
}

// Close gives the model up; a second call does nothing.
func (m *Model) Close() error {
	var err error
	m.once.Do(func() { err = release(m.key) })
	return err
}

// release takes one user away and frees what nobody uses.
func release(k key) error {
	mu.Lock()
	s := open[k]
	s.users--
	last := s.users == 0
	if last {
		delete(open, k)
	}
	mu.Unlock()
	if !last {
		return nil
	}
	<-s.ready
	if s.model == nil {
		return nil
	}
	return s.model.Close()
}

// OpenTokenizer reads a model's tokenizer, not its weights.
func OpenTokenizer(name string, o Options) (*fusion.Tokenizer, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return nil, err
	}
	return fusion.LoadTokenizer(p.dir, fusion.Options{Name: p.name, FS: p.files()})
}
