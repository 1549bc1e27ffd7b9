package library

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// A Migration is what Migrate did, or how far it is.
type Migration struct {
	Library  string  `json:"library"`
	Model    string  `json:"model"`                   // that answers now
	Previous string  `json:"previous,omitempty"`      // that a rollback brings back
	Next     string  `json:"next,omitempty"`          // a migration to it is under way
	Pictures int     `json:"pictures"`                // with a vector of Model
	Done     int     `json:"done,omitempty"`          // of them, with a vector of Next
	Embedded int     `json:"embedded,omitempty"`      // by this run
	Gone     int     `json:"gone,omitempty"`          // files that are not there: they keep their old vectors
	Changed  int     `json:"changed,omitempty"`       // files with another content than was indexed
	Failed   int     `json:"failed,omitempty"`        // files that could not be read
	Recall   *Recall `json:"mapped_recall,omitempty"` // of Next's answers until then
	Seconds  float64 `json:"seconds,omitempty"`       // of this run
}

// fillChunk is how many pictures are filled in before others may index.
const fillChunk = 512

// migration is one run of Migrate.
type migration struct {
	Options
	lib      *Library
	old, new Embedder
	next     Encoder
	byHash   map[digest]string // a document that has the content's new vector
	gaveUp   map[string]digest // files that could not be filled, with the content that was looked for
	pairs    []string          // documents with both vectors
	filled   int               // jobs that are done, of total
	total    int
	fitted   int // pairs when the map was fitted
	recall   *Recall
	result   Migration

	embedded, gone, changed, failed int
}

// Migrate gives the library another model without a pause: every picture gets a
// vector of the new model beside the old one, and when all have theirs, the new
// model answers. Until then the old one does; queries of the new one are carried
// over by a map fitted on the pictures that have both. It can be interrupted and
// called again, and Index may run meanwhile: what is new gets both vectors.
//
// Files that are gone or unreadable keep their old vectors, for a rollback; the
// result counts them. old may be nil; with it words are carried over better.
func (l *Library) Migrate(ctx context.Context, old, e Embedder, o Options) (Migration, error) {
	if !l.migrating.CompareAndSwap(false, true) {
		return Migration{}, errorf(KindBusy, "library %q is being migrated already; emblem library migrate --status --library %s says how far it is", l.name, l.name)
	}
	defer l.migrating.Store(false)
	o.defaults()
	m := &migration{Options: o, lib: l, old: old, new: e, gaveUp: map[string]digest{}}
	start := o.now()
	if err := m.begin(ctx); err != nil {
		return Migration{}, err
	}
	for {
		todo, err := m.scan(ctx)
		if err != nil {
			return m.result, err
		}
		if todo == nil {
			m.result.Seconds = o.now().Sub(start).Seconds()
			return m.finish()
		}
		for chunk := range slices.Chunk(todo, fillChunk) {
			if err := m.fill(ctx, chunk); err != nil {
				return m.result, err
			}
		}
	}
}

// begin takes the new model into the manifest, or sees that it is there.
func (m *migration) begin(ctx context.Context) error {
	release, err := m.lib.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	have, print := m.lib.Manifest(), m.new.Fingerprint()
	switch {
	case have.Model == "":
		return errorf(KindLibrary, "library %q has no model and no pictures yet; index with the model: emblem index --library %s --model %s PATH", m.lib.name, m.lib.name, m.new.Name())
	case have.Fingerprint == print:
		return errorf(KindModel, "library %q answers with %s already", m.lib.name, m.new.Name())
	case have.Next != nil && have.Next.Fingerprint != print:
		return errorf(KindModel, "library %q is on its way to %s; finish that, or take it back: emblem library migrate --rollback --library %s", m.lib.name, have.Next.Model, m.lib.name)
	case have.Next != nil:
		m.next = *have.Next
		return nil
	}
	if p := have.Previous; p != nil && p.Fingerprint == print {
		m.next = *p // its space is there: only what is new is missing
		return m.lib.setManifest(func(x *Manifest) { x.Next, x.Previous = &m.next, nil })
	}
	if err := m.lib.dropUnused(func(x *Manifest) { x.Previous = nil }); err != nil {
		return err
	}
	m.next = Encoder{Model: m.new.Name(), Ref: m.Ref, Fingerprint: print, Space: m.lib.freeSpace()}
	err = m.lib.ix.Define(index.Space{Name: m.next.Space, Dim: m.new.Dim(), Encoder: m.next.Model, Fingerprint: print})
	if err != nil {
		return err
	}
	return m.lib.setManifest(func(x *Manifest) { x.Next = &m.next })
}

// freeSpace is a name for the space of another model.
func (l *Library) freeSpace() string {
	spaces := l.ix.Spaces()
	for n := 2; ; n++ {
		name := fmt.Sprintf("%s-%d", spaceImage, n)
		if !slices.ContainsFunc(spaces, func(s index.Space) bool { return s.Name == name }) {
			return name
		}
	}
}

// scan lists what has a vector of the old model and none of the new one, in random
// order, so that the map is fitted on what is like the whole. If there is nothing
// to do it switches, before anybody can add to it, and returns nil.
func (m *migration) scan(ctx context.Context) (todo []job, err error) {
	release, err := m.lib.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	from := m.lib.Manifest().space()
	m.result = Migration{Library: m.lib.name}
	m.byHash, m.pairs = map[digest]string{}, nil
	for d, err := range m.lib.ix.Documents() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if err := m.consider(d, from, &todo); err != nil {
			return nil, err
		}
	}
	if len(todo) == 0 {
		return nil, m.turn()
	}
	order := rand.New(rand.NewPCG(1, uint64(len(todo))))
	order.Shuffle(len(todo), func(i, k int) { todo[i], todo[k] = todo[k], todo[i] })
	order.Shuffle(len(m.pairs), func(i, k int) { m.pairs[i], m.pairs[k] = m.pairs[k], m.pairs[i] })
	m.total = m.filled + len(todo)
	return todo, nil
}

// consider adds a document to what is to be done, if it lacks a vector and was not
// given up.
func (m *migration) consider(d index.Document, from string, todo *[]job) error {
	f := fileOf(d)
	hash, ok := parseDigest(f.hash)
	if !ok || f.failed != "" {
		return nil // not a file, or one without a vector
	}
	spaces, err := m.lib.vectorSpaces(d.ID)
	if err != nil || !slices.Contains(spaces, from) {
		return err
	}
	m.result.Pictures++
	if slices.Contains(spaces, m.next.Space) {
		m.result.Done++
		m.byHash[hash] = d.ID
		m.pairs = append(m.pairs, d.ID)
		return nil
	}
	if m.gaveUp[d.ID] == hash {
		return nil
	}
	*todo = append(*todo, job{candidate{d.ID, f.stamp}, &known{stamp: f.stamp, hash: hash, bare: true}})
	return nil
}

// turn makes the new model the library's, in one write.
func (m *migration) turn() error {
	return m.lib.setManifest(func(x *Manifest) {
		old := x.Encoder
		x.Encoder, x.Previous, x.Next, x.Carried = m.next, &old, nil, nil
		x.Named = x.Named || m.Named
		x.Gaps = x.Gaps || len(m.gaveUp) > 0
	})
}

// fill gives pictures their new vectors, in the pipeline of Index.
func (m *migration) fill(ctx context.Context, chunk []job) error {
	release, err := m.lib.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	x := &indexing{Options: m.Options, lib: m.lib, model: m.new, space: m.next.Space, fill: true, start: m.now(), jobs: chunk}
	x.report = Report{Failed: map[string]int{}, Skipped: map[string]int{}}
	x.table = &table{files: map[string]*known{}, byHash: m.byHash}
	minSide := m.new.ImageSide()
	if m.ExactDecode {
		minSide = 0
	}
	x.pics = newPictures(m.MaxMegapixels, minSide)
	x.Progress = func(p Progress) { m.Progress(Progress{Found: m.total, Done: m.filled + p.Done, Total: m.total}) }
	if err := x.embedNew(ctx); err != nil {
		return err
	}
	m.filled += len(chunk)
	if err := m.note(chunk, x.report); err != nil {
		return err
	}
	return m.fitMap(ctx)
}

// note counts a chunk and remembers what it could not fill, so that it is not tried
// for ever.
func (m *migration) note(chunk []job, r Report) error {
	m.embedded += r.Added + r.Updated
	m.gone += r.Gone
	m.changed += r.Skipped[skipChanged]
	m.failed += r.Failures()
	for _, j := range chunk {
		has, err := m.lib.hasVector(j.path, m.next.Space)
		switch {
		case errors.Is(err, index.ErrNotFound):
		case err != nil:
			return err
		case has:
			m.pairs = append(m.pairs, j.path)
		default:
			m.gaveUp[j.path] = j.known.hash
		}
	}
	return nil
}

// finish completes the result of a run that switched.
func (m *migration) finish() (Migration, error) {
	have := m.lib.Manifest()
	m.result.Model, m.result.Previous = have.Model, have.Previous.Model
	m.result.Embedded, m.result.Gone, m.result.Changed, m.result.Failed = m.embedded, m.gone, m.changed, m.failed
	m.result.Recall = m.recall
	return m.result, nil
}

// MigrationStatus says how far a migration is, or what could be rolled back.
func (l *Library) MigrationStatus() (Migration, error) {
	have := l.Manifest()
	stats, err := l.ix.Stats()
	r := Migration{Library: l.name, Model: have.Model, Pictures: stats.Vectors[have.space()]}
	if have.Next != nil {
		r.Next, r.Done, r.Recall = have.Next.Model, stats.Vectors[have.Next.space()], have.Carried
	}
	if have.Previous != nil {
		r.Previous = have.Previous.Model
	}
	return r, err
}

// Rollback takes back a migration that is under way, dropping what it did, or
// makes the model answer that did before the last one; a second Rollback undoes
// that.
func (l *Library) Rollback(ctx context.Context) (Migration, error) {
	if !l.migrating.CompareAndSwap(false, true) {
		return Migration{}, errorf(KindBusy, "library %q is being migrated; stop that first", l.name)
	}
	defer l.migrating.Store(false)
	release, err := l.hold(ctx)
	if err != nil {
		return Migration{}, err
	}
	defer release()
	switch have := l.Manifest(); {
	case have.Next != nil:
		err = l.dropUnused(func(x *Manifest) { x.Next, x.Carried = nil, nil })
	case have.Previous != nil:
		err = l.setManifest(func(x *Manifest) {
			current := x.Encoder
			x.Encoder, x.Previous = *x.Previous, &current
			x.Gaps = true // what came since has no vector of it
		})
	default:
		err = errorf(KindModel, "library %q has no migration to roll back", l.name)
	}
	if err != nil {
		return Migration{}, err
	}
	return l.MigrationStatus()
}

// DropOld gives up the vectors of the model before the last migration, and with
// them the way back. It says whether there were any.
func (l *Library) DropOld(ctx context.Context) (dropped bool, err error) {
	release, err := l.hold(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return l.Manifest().Previous != nil, l.dropUnused(func(x *Manifest) { x.Previous = nil })
}

// dropUnused changes the manifest and drops the spaces of models that are not in
// it any more, also those that an interruption left.
func (l *Library) dropUnused(change func(*Manifest)) error {
	if err := l.setManifest(change); err != nil {
		return err
	}
	have := l.Manifest()
	used := []string{have.space()}
	for _, e := range []*Encoder{have.Next, have.Previous} {
		if e != nil {
			used = append(used, e.space())
		}
	}
	for _, s := range l.ix.Spaces() {
		if (s.Name == spaceImage || strings.HasPrefix(s.Name, spaceImage+"-")) && s.Fingerprint != "" && !slices.Contains(used, s.Name) {
			if err := l.ix.Drop(s.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// hasVector says whether a document has a vector of a space.
func (l *Library) hasVector(id, space string) (bool, error) {
	spaces, err := l.vectorSpaces(id)
	return slices.Contains(spaces, space), err
}

// vectorSpaces are the spaces in which a document has vectors.
func (l *Library) vectorSpaces(id string) ([]string, error) {
	d, err := l.ix.Get(id)
	return slices.Collect(maps.Keys(d.Vectors)), err
}

// attach stores the vectors of pictures beside those that they have. Pictures that
// went meanwhile are left out.
func (p *pipeline) attach(batch []outcome) error {
	changes := make([]index.Change, len(batch))
	for i, o := range batch {
		vectors := map[string][][]float32{p.space: o.vectors[p.space]}
		changes[i] = index.Change{Action: index.Attach, Document: index.Document{ID: o.file.path, Vectors: vectors}}
	}
	receipt, err := p.lib.ix.Apply(context.Background(), changes)
	if err != nil {
		return err
	}
	for _, r := range receipt.Results {
		if r.Err != nil && !errors.Is(r.Err, index.ErrNotFound) {
			return r.Err
		}
	}
	return nil
}
