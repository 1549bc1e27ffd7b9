package index

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/emblem-search/emblem/internal/words"
)

// leg is a part of the index that is derived from the truth.
type leg struct {
	name    string
	verify  func(context.Context) (findings []string, err error) // of its files
	rebuild func(context.Context) error
}

func (ix *Index) legs() []leg {
	return []leg{
		{legVectors, ix.verifyVectors, ix.rebuildVectors},
		{legColumns, ix.verifyColumns, ix.rebuildColumns},
		{legWords, ix.words.verify, ix.words.rebuild},
	}
}

// Rebuild makes everything that is derived anew from the truth. Searches go on
// meanwhile, by reading the truth where they must.
func (ix *Index) Rebuild(ctx context.Context) error {
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	for _, l := range ix.legs() {
		if err := l.rebuild(ctx); err != nil {
			return fmt.Errorf("index: rebuild of %s: %w", l.name, err)
		}
	}
	return nil
}

// until looks again and again until done, or the context or the index ends.
func (ix *Index) until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if ix.isClosed() {
			return ErrClosed
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// verifyVectors reads the files of all spaces.
func (ix *Index) verifyVectors(ctx context.Context) (findings []string, err error) {
	v, err := ix.load()
	if err != nil {
		return nil, err
	}
	for name := range v.shelves {
		for {
			s := ix.view.Load().shelves[name]
			if s == nil {
				break
			}
			files := s.rows.state.Load().files
			found, err := ix.verifyShelf(ctx, s, files)
			if err != nil {
				return nil, err
			}
			// Files that were replaced meanwhile are looked for in vain.
			if now := ix.view.Load().shelves[name]; len(found) == 0 || now != nil && slices.Equal(files, now.rows.state.Load().files) {
				findings = append(findings, found...)
				break
			}
		}
	}
	return findings, nil
}

func (ix *Index) verifyShelf(ctx context.Context, s *shelf, files []*rowFile) (findings []string, err error) {
	defer runtime.KeepAlive(s)
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !ix.intact(f.name, f.size()) {
			findings = append(findings, f.name+" is gone or of another length")
			continue
		}
		if _, err := f.verify(); err != nil {
			findings = append(findings, fmt.Sprintf("%s: %v", f.name, err))
		}
		row := make([]float32, f.Dim)
		for at := f.from; at < f.to; at += int(f.Per) {
			if !f.read(at, at+1, row) {
				findings = append(findings, fmt.Sprintf("%s: the rows from %d on are damaged", f.name, at))
				break
			}
		}
	}
	m, err := ix.savedShelf(s.space.Name)
	if err != nil || m.Graph == "" {
		return findings, err
	}
	if sum, size, err := ix.sumOf(m.Graph); err != nil || sum != m.Sum || size != m.Size {
		findings = append(findings, fmt.Sprintf("%s is gone or damaged", m.Graph))
	}
	return findings, nil
}

// savedShelf reads what the store keeps of a space's files.
func (ix *Index) savedShelf(space string) (m shelfManifest, err error) {
	value, err := ix.get([]byte(prefixVectors + space))
	if errors.Is(err, ErrNotFound) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(value, &m)
	}
	return m, err
}

// sumOf returns the CRC-32C and the size of a file of vectors.
func (ix *Index) sumOf(name string) (uint32, int64, error) {
	f, err := ix.fs().Open(ix.vectorsPath(name))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, f)
	return sum.Sum32(), n, err
}

// rebuildVectors lets the background make all stocks anew and waits for it.
func (ix *Index) rebuildVectors(ctx context.Context) error {
	v, err := ix.load()
	if err != nil {
		return err
	}
	for name, s := range v.shelves {
		if s.n == 0 {
			continue
		}
		old := s.stock
		ix.distrust(old)
		err := ix.until(ctx, func() bool {
			now := ix.view.Load().shelves[name]
			return now == nil || now.stock != old
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyColumns reads the saved columns, if they are. Files that the background has
// put others in the place of meanwhile are no finding: it looks again.
func (ix *Index) verifyColumns(ctx context.Context) ([]string, error) {
	for {
		before, err := ix.get([]byte(keyColumns))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		_, _, trouble := ix.savedFacts()
		if trouble == nil || errors.Is(trouble, errNoColumns) {
			return nil, nil
		}
		now, err := ix.get([]byte(keyColumns))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if bytes.Equal(before, now) || ctx.Err() != nil {
			return []string{trouble.Error()}, nil
		}
	}
}

// rebuildColumns reads the metadata of all documents again and saves it.
func (ix *Index) rebuildColumns(ctx context.Context) error {
	if _, err := ix.loadFacts(ix.view.Load()); err != nil {
		return err
	}
	k := &ix.keeper
	k.loading.Lock()
	defer k.loading.Unlock()
	f, seq, err := ix.collectFacts(ctx)
	if err != nil {
		return err
	}
	ix.write.Lock()
	defer ix.write.Unlock()
	if err := ix.catchUp(f, &seq); err != nil {
		return err
	}
	if err := ix.readHidden(f); err != nil {
		return err
	}
	next := ix.view.Load().clone()
	// What the background is making of the old ones must not fit these.
	f.dropped = next.facts.dropped + uint64(len(next.facts.recent)) + 1
	f.changes = next.facts.changes
	next.facts = f
	k.fresh.Store(true)
	ix.view.Store(next)
	ix.wakeFacts()
	return nil
}

// whenOpen returns the files when they are open, nil where there is no disk.
func (l *wordsLeg) whenOpen(ctx context.Context) (*words.Index, error) {
	l.begin()
	select {
	case <-l.opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return l.files, l.failed
}

// verify reads every byte of the files of words.
func (l *wordsLeg) verify(ctx context.Context) ([]string, error) {
	files, err := l.whenOpen(ctx)
	if err != nil || files == nil {
		return nil, err
	}
	l.folding.Lock()
	defer l.folding.Unlock()
	if err := l.files.Verify(); err != nil {
		return []string{err.Error()}, nil
	}
	return nil, nil
}

// rebuild makes the files anew.
func (l *wordsLeg) rebuild(ctx context.Context) error {
	files, err := l.whenOpen(ctx)
	if err != nil || files == nil {
		return err
	}
	l.mu.Lock()
	l.bad = true
	l.mu.Unlock()
	for {
		more, err := l.foldSome(1)
		if err != nil || !more {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
