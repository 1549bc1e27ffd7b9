package words

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/durable"
)

// ErrDamaged marks errors of files that are not what was written. The way out is to
// build them anew.
var ErrDamaged = errors.New("words: damaged files")

// errClosed is what searches and writes meet that come too late.
var errClosed = fmt.Errorf("%w: closed", ErrDamaged)

// Options say where an index keeps its files and its manifest.
type Options struct {
	// Dir is the folder of the files. It is made if there is none; what lies in it
	// and is not in the manifest is removed.
	Dir string

	// Manifest is what Save was last given, or nil for an empty index.
	Manifest []byte

	// Fingerprint stands for how the caller makes texts of documents. Files made
	// with another one are an ErrDamaged.
	Fingerprint string

	// Save keeps a manifest durably.
	Save func(manifest []byte) error
}

// analysisVersion counts the ways that texts were turned into terms; files of another way
// are built anew.
const analysisVersion = 1

// manifest lists the files that belong together.
type manifest struct {
	Analysis    int    `json:"analysis"`
	Fingerprint string `json:"fingerprint"`
	Seq         uint64 `json:"seq"`  // what the files contain
	Next        int    `json:"next"` // number of the next file
	Segments    []kept `json:"segments"`
}

// An Index is an open folder of words. Searches may run at any time; Fold, Merge and
// Close are one writer's.
type Index struct {
	opts Options

	writing sync.Mutex // held while the state is replaced
	merging sync.Mutex // one merge at a time

	mu   sync.Mutex
	now  *state
	next int
}

// state is a set of segments that searches hold while they read.
type state struct {
	seq      uint64
	segments []*segment
	holders  int // under the index's lock; at 0 the files are let go
	closed   bool
}

// Open opens what the manifest lists, after checking every byte of it.
func Open(opts Options) (x *Index, err error) {
	if err := os.MkdirAll(opts.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	m := manifest{Analysis: analysisVersion, Fingerprint: opts.Fingerprint, Next: 1}
	if opts.Manifest != nil {
		if err := json.Unmarshal(opts.Manifest, &m); err != nil {
			return nil, fmt.Errorf("%w: the manifest: %v", ErrDamaged, err)
		}
	}
	if m.Analysis != analysisVersion || m.Fingerprint != opts.Fingerprint {
		return nil, fmt.Errorf("%w: made for other texts", ErrDamaged)
	}
	st := &state{seq: m.Seq, holders: 1, segments: make([]*segment, len(m.Segments))}
	var g errgroup.Group
	g.SetLimit(2)
	for i, k := range m.Segments {
		g.Go(func() error {
			return guard(func() (err error) {
				st.segments[i], err = openSegment(opts.Dir, k, false)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		st.close()
		return nil, err
	}
	x = &Index{opts: opts, now: st, next: m.Next}
	x.sweep()
	return x, nil
}

// guard runs f and turns panics over damaged files into errors. Reading a mapped file that
// became shorter is one too.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return f()
}

// sweep removes files that nothing refers to.
func (x *Index) sweep() {
	known := map[string]bool{}
	for _, s := range x.now.segments {
		known[s.File] = true
	}
	entries, _ := os.ReadDir(x.opts.Dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && !known[e.Name()] {
			os.Remove(filepath.Join(x.opts.Dir, e.Name()))
		}
	}
}

const suffix = ".zap"

// Seq is the sequence whose texts the files contain.
func (x *Index) Seq() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now.seq
}

// Close lets the files go once running searches are done. Later ones find no file.
func (x *Index) Close() {
	x.merging.Lock()
	defer x.merging.Unlock()
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	old := x.now
	x.now = &state{seq: old.seq, holders: 1, closed: true}
	x.mu.Unlock()
	x.release(old)
}

// hold returns the present state; release gives it back.
func (x *Index) hold() *state {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now.holders++
	return x.now
}

func (x *Index) release(st *state) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if st.holders--; st.holders == 0 {
		st.close()
	}
}

func (st *state) close() {
	for _, s := range st.segments {
		if s != nil {
			s.zap.DecRef()
		}
	}
}

// Stats are counts of an index.
type Stats struct {
	Seq      uint64
	Docs     int
	Segments int
	Bytes    int64
}

// Stats counts.
func (x *Index) Stats() Stats {
	st := x.hold()
	defer x.release(st)
	out := Stats{Seq: st.seq, Segments: len(st.segments)}
	for _, s := range st.segments {
		out.Docs += s.live()
		out.Bytes += s.Size
	}
	return out
}

// Fold writes texts into a new file: changed are the ordinals that the files may hold
// something older about, now are the terms of those of them that are still there, and
// seq is the sequence that the files contain after that.
func (x *Index) Fold(seq uint64, changed *roaring.Bitmap, now []*Terms) error {
	return guard(func() error { return x.fold(seq, changed, now) })
}

func (x *Index) fold(seq uint64, changed *roaring.Bitmap, now []*Terms) (err error) {
	var added *segment
	if len(now) > 0 {
		if added, err = x.write(func(path string) error { return writeSegment(path, now) }); err != nil {
			return err
		}
	}
	return x.replace(func(old *state) (*state, error) {
		next := &state{seq: seq}
		for _, s := range old.segments {
			numbers, err := s.numbersOf(changed)
			if err != nil {
				return nil, err
			}
			if s = s.without(numbers); s.live() > 0 {
				next.segments = append(next.segments, s)
			}
		}
		if added != nil {
			next.segments = append(next.segments, added)
		}
		return next, nil
	}, added)
}

// write makes a new file and opens it.
func (x *Index) write(make func(path string) error) (*segment, error) {
	x.mu.Lock()
	name := fmt.Sprintf("%08d%s", x.next, suffix)
	x.next++
	x.mu.Unlock()
	path := filepath.Join(x.opts.Dir, name)
	err := make(path)
	if err == nil {
		err = durable.SyncDir(x.opts.Dir)
	}
	if err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("words: write: %w", err)
	}
	return openSegment(x.opts.Dir, kept{File: name}, true)
}

// replace makes a new state of the present one, keeps its manifest, shows it to
// searches and removes the files that it no longer has. fresh is a new segment, let go
// if that fails or the state does not have it.
func (x *Index) replace(change func(old *state) (*state, error), fresh *segment) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	old := x.now // only replace changes it
	if old.closed {
		return errClosed
	}
	next, err := change(old)
	if err == nil {
		err = x.save(next)
	}
	if fresh != nil && (err != nil || indexOf(next.segments, fresh) < 0) {
		fresh.zap.DecRef()
		os.Remove(filepath.Join(x.opts.Dir, fresh.File))
	}
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, s := range next.segments {
		left[s.File] = true
		if s.File != fresh.file() {
			s.zap.AddRef()
		}
	}
	next.holders = 1
	x.mu.Lock()
	x.now = next
	x.mu.Unlock()
	for _, s := range old.segments {
		if !left[s.File] {
			os.Remove(filepath.Join(x.opts.Dir, s.File))
		}
	}
	x.release(old)
	return nil
}

func (x *Index) save(st *state) error {
	x.mu.Lock()
	m := manifest{Analysis: analysisVersion, Fingerprint: x.opts.Fingerprint, Seq: st.seq, Next: x.next}
	x.mu.Unlock()
	for _, s := range st.segments {
		m.Segments = append(m.Segments, s.kept)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return x.opts.Save(text)
}

// Ordinals are those of the documents in the files.
func (x *Index) Ordinals() *roaring.Bitmap {
	st := x.hold()
	defer x.release(st)
	out := roaring.New()
	for _, s := range st.segments {
		for at, ord := range s.ords {
			if !s.gone.Contains(uint32(at)) {
				out.Add(ord)
			}
		}
	}
	return out
}

// Check fails with an ErrDamaged if a file is no longer there or has another length.
func (x *Index) Check() error {
	st := x.hold()
	defer x.release(st)
	return x.each(st, func(s *segment) error {
		info, err := os.Stat(filepath.Join(x.opts.Dir, s.File))
		if err != nil {
			return fmt.Errorf("%w: %v", ErrDamaged, err)
		}
		if info.Size() != s.Size {
			return fmt.Errorf("%w: %s has another length", ErrDamaged, s.File)
		}
		return nil
	})
}

// Verify fails with an ErrDamaged if a byte of a file is not what was written.
func (x *Index) Verify() error {
	st := x.hold()
	defer x.release(st)
	return x.each(st, func(s *segment) error { return s.verify(x.opts.Dir) })
}

// each checks the segments of a state, but for those that a merge or a fold has replaced
// since, whose files are gone.
func (x *Index) each(st *state, check func(*segment) error) error {
	for _, s := range st.segments {
		if err := check(s); err != nil && x.has(s) {
			return err
		}
	}
	return nil
}

// has says whether the present state has a segment's file. Files go after that.
func (x *Index) has(s *segment) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return indexOf(x.now.segments, s) >= 0
}
