package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emblem-search/emblem/index"
)

// spaceImage is the index's space for the vectors of pictures, until the library
// changes its model.
const spaceImage = "image"

// Library is a set of folders and the vectors of their pictures, all of one
// model. Its methods may be called from several goroutines; Index runs one at a
// time.
type Library struct {
	name     string
	ix       *index.Index
	indexing chan struct{} // holds a token while Index runs

	learnFrom int // pictures from which words are learned, see learn.go

	learning atomic.Pointer[string] // the fingerprint of the model whose words were learned last, or are being

	beside sync.WaitGroup // what goes on beside the calls, until life ends
	life   context.Context
	end    context.CancelFunc

	migrating atomic.Bool // Migrate runs, also between its turns of indexing

	groupingTurn chan struct{} // holds a token while duplicates are grouped
	groupings    []*grouping   // the last ones; of who holds the token

	correcting sync.Mutex // held while corrections change

	judging    sync.Mutex // held while a background is made
	renewing   atomic.Bool
	background atomic.Pointer[background] // of the last searches

	mu       sync.Mutex
	manifest Manifest
	captions map[string][][]float32 // everyday captions by model, see probability.go
	maps     map[string]*linearMap  // of queries of a model to come, by its space
}

// Manifest is what a library knows about itself.
type Manifest struct {
	Encoder            // whose vectors answer
	Named    bool      `json:"named"`              // the user named the model, see the photo guard
	Roots    []string  `json:"roots"`              // absolute paths that were indexed
	Watched  []Watched `json:"watched,omitempty"`  // of them, those that a service keeps up to date
	Next     *Encoder  `json:"next,omitempty"`     // a migration to it is under way
	Previous *Encoder  `json:"previous,omitempty"` // a migration from it can be rolled back
	// Carried is what the map from Next's queries to Encoder's vectors is worth; nil
	// before it is fitted.
	Carried *Recall `json:"carried,omitempty"`
	// Parts is how many vectors a picture has for its parts; 0: none are kept.
	Parts int `json:"parts,omitempty"`
	// Gaps says that documents without a vector of Encoder may be visible: Index
	// looks for them.
	Gaps bool `json:"gaps,omitempty"`
}

// Watched is a folder that is to be kept up to date, with the options that it was
// indexed with.
type Watched struct {
	Root          string   `json:"root"`
	Exclude       []string `json:"exclude,omitempty"`
	MaxMegapixels int      `json:"max_megapixels,omitempty"`
	ExactDecode   bool     `json:"exact_decode,omitempty"`
	Inside        bool     `json:"inside,omitempty"` // no link is followed
}

// Encoder is a model and the space of its vectors.
type Encoder struct {
	Model       string `json:"model"`           // public name; "" before the first Index
	Ref         string `json:"ref"`             // how to open the model again
	Fingerprint string `json:"fingerprint"`     // see Embedder
	Space       string `json:"space,omitempty"` // "" means "image"
}

// space is the index's space for the encoder's vectors.
func (e Encoder) space() string {
	if e.Space == "" {
		return spaceImage
	}
	return e.Space
}

const noteManifest = "library"

func openLibrary(name, dir string, fatal func(error)) (*Library, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ix, err := index.Open(filepath.Join(dir, "index"), index.Options{Private: private, Fatal: fatal})
	if err != nil {
		return nil, fmt.Errorf("library %q: %w", name, err)
	}
	l := &Library{name: name, ix: ix, indexing: make(chan struct{}, 1), groupingTurn: make(chan struct{}, 1), learnFrom: learnFrom}
	l.life, l.end = context.WithCancel(context.Background())
	note, err := ix.Note(noteManifest)
	if err == nil {
		err = json.Unmarshal(note, &l.manifest)
	}
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		ix.Close()
		return nil, fmt.Errorf("library %q: what it knows of itself is damaged: %w", name, err)
	}
	return l, nil
}

// goBeside runs f beside the calls, unless the library is about to close.
func (l *Library) goBeside(f func(ctx context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		return false
	}
	l.beside.Go(func() { f(l.life) })
	return true
}

func (l *Library) close() error {
	l.mu.Lock()
	l.end()
	l.mu.Unlock()
	l.beside.Wait()
	return l.ix.Close()
}

// Name returns the library's name.
func (l *Library) Name() string { return l.name }

// Manifest returns what the library knows about itself.
func (l *Library) Manifest() Manifest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.manifest.clone()
}

func (m Manifest) clone() Manifest {
	m.Roots, m.Watched = slices.Clone(m.Roots), slices.Clone(m.Watched)
	return m
}

// setManifest stores a changed manifest.
func (l *Library) setManifest(change func(*Manifest)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.manifest.clone()
	change(&m)
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := l.ix.SetNote(noteManifest, value); err != nil {
		return err
	}
	l.manifest = m
	return nil
}

// Adopt makes e the library's model, or checks that it is. ref is how to open
// the model again, named whether the user named it. Another model is an error of
// KindModel that says what helps.
func (l *Library) Adopt(e Embedder, ref string, named bool) error {
	m := l.Manifest()
	if m.Next != nil && m.Next.Fingerprint == e.Fingerprint() {
		return errorf(KindModel, "library %q is on its way to %s; until then index without --model: what is new gets its vectors too", l.name, e.Name())
	}
	if m.Model != "" && m.Fingerprint != e.Fingerprint() {
		return l.mismatch(m.Encoder, e)
	}
	err := l.ix.Define(index.Space{Name: m.space(), Dim: e.Dim(), Encoder: e.Name(), Fingerprint: e.Fingerprint()})
	var clash *index.SpaceError
	if errors.As(err, &clash) && clash.Have.Fingerprint != e.Fingerprint() {
		return l.mismatch(Encoder{Model: clash.Have.Encoder}, e)
	}
	if err != nil && clash == nil {
		return err
	}
	if m.Model != "" && (m.Named || !named) {
		return nil
	}
	return l.setManifest(func(m *Manifest) {
		m.Model, m.Fingerprint = e.Name(), e.Fingerprint()
		m.Named = m.Named || named
		if m.Ref == "" {
			m.Ref = ref
		}
	})
}

func (l *Library) mismatch(have Encoder, e Embedder) error {
	other := "a model of the same name but other weights or preprocessing"
	if have.Model != e.Name() {
		other = have.Model
	}
	return errorf(KindModel, "library %q was made with %s and cannot take vectors of %s; change its model: emblem library migrate --library %s --model %s, or index into another: emblem index --library %s-2 --model %s PATH",
		l.name, other, e.Name(), l.name, e.Name(), l.name, e.Name())
}

// SetWatched says whether folders are to be kept up to date from now on, with the
// options of o. It changes nothing by itself: see Watch.
func (l *Library) SetWatched(o Options, on bool) error {
	roots, err := cleanRoots(o.Roots)
	if err != nil {
		return err
	}
	old := l.Manifest().Watched
	list := slices.DeleteFunc(slices.Clone(old), func(w Watched) bool { return slices.Contains(roots, w.Root) })
	for _, root := range roots {
		if on {
			list = append(list, Watched{root, o.Exclude, o.MaxMegapixels, o.ExactDecode, o.Inside})
		}
	}
	if len(list) == 0 && len(old) == 0 {
		return nil
	}
	return l.setManifest(func(m *Manifest) { m.Watched = list })
}

// Stats are a library's counts.
type Stats struct {
	Library   string         `json:"library"`
	Model     string         `json:"model"`
	Pictures  int            `json:"pictures"`  // that a search can find
	Gone      int            `json:"gone"`      // vanished files whose vectors are kept for a while
	Failed    map[string]int `json:"failed"`    // files that could not be read, by kind
	Documents int            `json:"documents"` // all of these, and those of library apply
	Hidden    int            `json:"hidden"`    // of them, those that no search finds
	Spaces    []SpaceStats   `json:"spaces"`
	Seq       uint64         `json:"seq"`               // of the last write
	Oldest    uint64         `json:"oldest_seq"`        // the earliest write that can be asked as of; 0: from the beginning
	Retention float64        `json:"retention_seconds"` // how long the past is kept
	DiskBytes uint64         `json:"disk_bytes"`
	Roots     []string       `json:"roots"`
	Updated   time.Time      `json:"updated"` // zero before the first Index
}

// SpaceStats are the vectors of one space.
type SpaceStats struct {
	Space   string `json:"space"`
	Vectors int    `json:"vectors"`
	Dim     int    `json:"dim"`
	Metric  string `json:"metric"`
	Encoder string `json:"encoder,omitempty"`

	// How the vectors are searched, which is known from the first search or write on
	// while one process has the library.
	State       string `json:"state,omitempty"`
	Pending     int    `json:"pending,omitempty"`      // vectors that are not in it yet
	MemoryBytes int    `json:"memory_bytes,omitempty"` // of codes and graph
}

// Stats counts the library's documents.
func (l *Library) Stats() (Stats, error) {
	m := l.Manifest()
	s := Stats{Library: l.name, Model: m.Model, Roots: m.Roots, Failed: map[string]int{}, Spaces: []SpaceStats{}}
	if s.Roots == nil {
		s.Roots = []string{}
	}
	for d, err := range l.ix.Documents() {
		if err != nil {
			return s, err
		}
		switch f := fileOf(d); {
		case f.failed != "":
			s.Failed[f.failed]++
		case f.gone != 0:
			s.Gone++
		default:
			s.Pictures++
		}
	}
	st, err := l.ix.Stats()
	s.Documents, s.Hidden, s.Seq, s.DiskBytes = st.Documents, st.Hidden, st.Seq, st.DiskBytes
	s.Oldest, s.Retention = st.Oldest, st.Retention.Seconds()
	if err != nil {
		return s, err
	}
	for _, x := range l.ix.Spaces() {
		space := SpaceStats{Space: x.Name, Vectors: st.Vectors[x.Name], Dim: x.Dim, Metric: string(x.Metric), Encoder: x.Encoder}
		for _, d := range st.Derived {
			if d.Space == x.Name {
				space.State, space.Pending, space.MemoryBytes = string(d.State), d.Pending, d.Memory
			}
		}
		s.Spaces = append(s.Spaces, space)
	}
	s.Updated, err = l.updated()
	return s, err
}

// Count returns how many pictures can be found, and when they changed last.
func (l *Library) Count() (pictures int, updated time.Time, err error) {
	if pictures, err = l.ix.Count(); err != nil {
		return 0, time.Time{}, err
	}
	updated, err = l.updated()
	return pictures, updated, err
}

const noteUpdated = "updated"

func (l *Library) updated() (time.Time, error) {
	note, err := l.ix.Note(noteUpdated)
	if errors.Is(err, index.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, string(note))
}

// hold waits for the right to index.
func (l *Library) hold(ctx context.Context) (release func(), err error) {
	select {
	case l.indexing <- struct{}{}:
		return func() { <-l.indexing }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
