package models

import (
	"context"
	"sync"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/certificate"
	"github.com/emblem-search/emblem/vit"
)

// Options for Open. The zero value is right.
type Options struct {
	Device  string            // "auto" (or none), "cpu", "dry"
	DType   string            // "auto" (or none), "f32", "f16", "bf16", "int8", "int4"
	Bulk    bool              // give way to interactive work on the same device
	Cache   string            // a folder for what can be made again of a model; none: it is not kept
	Lazy    bool              // read weights when they are first used; with a Budget they always are
	Budget  *Budget           // nil: the weights stay in memory
	Aliases map[string]string // short names, from the configuration
	Window  int               // of a language model: tokens attend to so many before them; 0: as the model says
	Sinks   int               // and to so many of the first
	Reduce  vit.Reduce        // shorten the sequences of pictures on their way; none: exact

	Unchecked bool // take also a model that its certificate would refuse, to look at it
}

// Model is an open dual encoder. Its methods that compute see to it that the
// weights are in memory, and give way to others if it was opened so.
type Model struct {
	*fusion.DualEncoder
	Note     string                // what people should know of it; mostly none
	Findings []certificate.Finding // what opening it has found out
	key      key
	resident *resident // nil without a Budget
	bulk     bool
	once     sync.Once
}

// key is what makes two openings the same.
type key struct {
	place
	device, dtype string
	budget        *Budget
	reduce        vit.Reduce
	unchecked     bool
}

// shared is an open model and the number of its users.
type shared struct {
	ready chan struct{} // closed when model or err is there
	users int
	model *fusion.DualEncoder
	stays *resident // nil without a budget
	found []certificate.Finding
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
	k := key{p, o.Device, o.DType, o.Budget, o.Reduce, o.Unchecked}
	mu.Lock()
	s, ok := open[k]
	if !ok {
		s = &shared{ready: make(chan struct{})}
		open[k] = s
	}
	s.users++
	mu.Unlock()
	if !ok {
		s.load(ctx, p, o)
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
	return &Model{DualEncoder: s.model, Note: p.note(), Findings: s.found, key: k, resident: s.stays, bulk: o.Bulk}, nil
}

// load opens the model for all who share it.
func (s *shared) load(ctx context.Context, p place, o Options) {
	defer close(s.ready)
	s.model, s.err = fusion.Load(ctx, p.dir, fusion.Options{
		Name: p.name, FS: p.files(), Device: o.Device, DType: o.DType, Lazy: o.Lazy || o.Budget != nil, Reduce: o.Reduce, Cache: o.Cache,
	})
	if s.err == nil && o.Device != "dry" && !o.Unchecked { // dry computes nothing
		s.certify(p, o)
	}
	if s.err == nil && o.Budget != nil {
		s.stays = newResident(o.Budget, p, s.model)
	}
}

// certify refuses a model that is computed wrongly here, or whose folder cannot be
// right.
func (s *shared) certify(p place, o Options) {
	if s.found, s.err = certificate.Load(s.model, p.folder(), o.Device); s.err != nil {
		s.model.Close()
		s.model = nil
	}
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
	switch {
	case s.model == nil:
		return nil
	case s.stays != nil:
		return s.stays.close()
	}
	return s.model.Close()
}

// Tokenizer turns texts into the ids that a model reads.
type Tokenizer interface {
	Name() string
	// PicturesOnly tells whether the model reads no texts.
	PicturesOnly() bool
	// EncodeText tells whether the text's end was dropped.
	EncodeText(s string, cut fusion.Cut) (ids []int32, truncated bool, err error)
}

// OpenTokenizer reads a model's tokenizer, not its weights.
func OpenTokenizer(name string, o Options) (Tokenizer, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return nil, err
	}
	if does := p.does(); does == "complete" || does == "ask" {
		return openPrompts(p)
	}
	return fusion.LoadTokenizer(p.dir, fusion.Options{Name: p.name, FS: p.files()})
}
