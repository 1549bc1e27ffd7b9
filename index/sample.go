package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
)

// sampler knows the documents with the smallest hashes of their ids: a sample that
// depends on the documents alone, not on the order in which they came.
type sampler struct {
	build sync.Mutex // held while all ids are read

	mu      sync.Mutex
	active  bool
	bound   uint64 // hashes above are not kept
	entries []sampleEntry
}

type sampleEntry struct {
	hash    uint64
	ord     uint32
	vectors map[string][]float32 // by space, as far as they were asked for
}

// hashID spreads ids evenly.
func hashID(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// note keeps the new documents of a write.
func (s *sampler) note(w *writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active {
		return
	}
	for _, item := range w.log {
		if h := hashID(string(item.ID)); item.Action != Delete && h <= s.bound {
			s.add(sampleEntry{hash: h, ord: item.Ordinal})
		}
	}
}

func byHash(a, b sampleEntry) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.ord, b.ord))
}

// add keeps an entry, in order, once.
func (s *sampler) add(e sampleEntry) {
	at, has := slices.BinarySearchFunc(s.entries, e, byHash)
	if !has {
		s.entries = slices.Insert(s.entries, at, e)
	}
}

// gather reads all ids and keeps about n of them.
func (s *sampler) gather(ix *Index, n int) error {
	s.mu.Lock()
	s.active, s.bound, s.entries = true, ^uint64(0), nil // what comes from here on is noted
	s.mu.Unlock()
	var all []sampleEntry
	err := ix.each([]byte(prefixID), func(key, value []byte) error {
		if len(value) != 4 {
			return errors.New("index: the ordinal of an id is damaged")
		}
		all = append(all, sampleEntry{hash: hashID(string(key[len(prefixID):])), ord: binary.BigEndian.Uint32(value)})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, byHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(all) > n {
		s.bound = all[n-1].hash
		all = all[:n]
		s.entries = slices.DeleteFunc(s.entries, func(e sampleEntry) bool { return e.hash > s.bound })
	}
	noted := s.entries
	s.entries = slices.Clip(all)
	for _, e := range noted {
		s.add(e)
	}
	return nil
}

// spare is how many more documents are kept than were asked for, by this factor:
// some are hidden, deleted or without a vector.
const spare = 4

// Sample returns a vector each of up to n documents that can be found: a background
// to judge scores against. Which ones depends on their ids alone. The vectors are
// shared and must not be changed.
func (ix *Index) Sample(space string, n int) ([][]float32, error) {
	leave, err := ix.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	v := ix.view.Load()
	s, ok := v.space(space)
	if !ok {
		return nil, fmt.Errorf("index: no space %q", space)
	}
	ix.sampler.build.Lock()
	defer ix.sampler.build.Unlock()
	for keep := spare * n; ; keep *= spare {
		out, all, err := ix.sampler.sample(ix, v, s, n)
		if err != nil || all || len(out) == n {
			return out, err
		}
		if err := ix.sampler.gather(ix, keep); err != nil {
			return nil, err
		}
		v = ix.view.Load()
	}
}

// sample takes n of the documents that are kept; all says that these are all there
// are.
func (s *sampler) sample(ix *Index, v *view, space Space, n int) (out [][]float32, all bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(s.entries) && len(out) < n; i++ {
		e := &s.entries[i]
		if e.ord >= v.next || !v.visible(e.ord) {
			continue
		}
		vec, ok := e.vectors[space.Name]
		if !ok {
			if vec, err = ix.firstVector(space, e.ord); err != nil {
				return nil, false, err
			}
			if e.vectors == nil {
				e.vectors = map[string][]float32{}
			}
			if vec != nil {
				e.vectors[space.Name] = vec
			}
		}
		if vec != nil {
			out = append(out, vec)
		}
	}
	s.entries = slices.DeleteFunc(s.entries, func(e sampleEntry) bool { return v.ended(e.ord) })
	return out, s.active && s.bound == ^uint64(0), nil
}

// firstVector reads the first of a document's vectors, nil if it has none.
func (ix *Index) firstVector(s Space, ord uint32) ([]float32, error) {
	value, err := ix.get(vecKey(s.Name, ord, 0))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	v := make([]float32, s.Dim)
	if err == nil && !decodeVector(v, value) {
		err = errDamagedVector
	}
	return v, err
}
