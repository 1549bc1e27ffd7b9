package safetensors

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// View is one tensor of a [Set], or one to [Write].
type View struct {
	Name  string
	DType DType
	Shape []int  // outermost first; empty for a scalar
	Data  []byte // little endian, row by row; not aligned to its element size
}

// Len is the number of elements: the product of Shape.
func (v View) Len() int {
	n := 1
	for _, d := range v.Shape {
		n *= d
	}
	return n
}

// Set is an open model: the tensors of one file or of all shards of a folder.
// Its methods may be called from several goroutines at once; Close may not be
// called while a view is in use.
type Set struct {
	shards   []*shard // by name
	tensors  map[string]tensor
	names    []string // sorted
	metadata map[string]string
}

// tensor is a view and where it lies, for Drop.
type tensor struct {
	View
	shard *shard
	at    int // offset in shard.mem
}

// shard is one mapped file.
type shard struct {
	name string
	file *os.File
	mem  []byte // the whole file
	head header
}

// Open opens one safetensors file. The file is checked whole before Open
// returns, its tensors' values are not looked at.
func Open(path string) (*Set, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, fileError(path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	sh, err := mapShard(f)
	if err != nil {
		return nil, fileError(path, err)
	}
	s := newSet()
	s.add(sh)
	s.sort()
	return s, nil
}

// fileError says which file an error is about, once.
func fileError(path string, err error) error {
	if pe, ok := err.(*os.PathError); ok { // it names the path a second time
		err = pe.Err
	}
	return fmt.Errorf("safetensors: %s: %w", path, err)
}

// regular refuses what would block or never end: folders, pipes, devices.
func regular(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("is a folder, not a file")
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	case info.Size() > math.MaxInt:
		return fmt.Errorf("%d bytes do not fit this machine's address space", info.Size())
	}
	return nil
}

// mapShard maps and checks f, and owns it from here on.
func mapShard(f *os.File) (*shard, error) {
	sh := &shard{name: filepath.Base(f.Name()), file: f}
	info, err := f.Stat()
	if err == nil {
		err = regular(info)
	}
	if err == nil && info.Size() > 0 { // a mapping of no bytes is an error of its own
		sh.mem, err = mapFile(f, int(info.Size()))
	}
	if err == nil {
		sh.head, err = parse(sh.mem)
	}
	if err != nil {
		return nil, errors.Join(err, sh.close())
	}
	return sh, nil
}

func (sh *shard) close() error {
	if sh.file == nil { // the caller's memory
		return nil
	}
	var err error
	if sh.mem != nil {
		err = unmapFile(sh.mem)
		sh.mem = nil
	}
	return errors.Join(err, sh.file.Close())
}

func newSet() *Set {
	return &Set{tensors: map[string]tensor{}, metadata: map[string]string{}}
}

// add takes over a shard and returns the names that the set had before.
func (s *Set) add(sh *shard) (twice []string) {
	s.shards = append(s.shards, sh)
	for _, e := range sh.head.entries {
		if _, ok := s.tensors[e.name]; ok {
			twice = append(twice, e.name)
		}
		start, end := sh.head.body+e.start, sh.head.body+e.end
		s.tensors[e.name] = tensor{
			View:  View{Name: e.name, DType: e.dtype, Shape: e.shape, Data: sh.mem[start:end:end]},
			shard: sh,
			at:    int(start),
		}
		s.names = append(s.names, e.name)
	}
	for k, v := range sh.head.metadata {
		if _, ok := s.metadata[k]; !ok {
			s.metadata[k] = v
		}
	}
	sh.head.entries = nil
	return twice
}

func (s *Set) sort() { slices.Sort(s.names) }

// Names lists the tensors, sorted.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// Get returns the tensor of that name, and whether there is one.
func (s *Set) Get(name string) (View, bool) {
	t, ok := s.tensors[name]
	t.Shape = slices.Clone(t.Shape)
	return t.View, ok
}

// Metadata returns the free-form strings of the header. Where shards differ,
// the first shard by name counts.
func (s *Set) Metadata() map[string]string { return maps.Clone(s.metadata) }

// Bytes is the size of all tensors.
func (s *Set) Bytes() int64 {
	var n int64
	for _, t := range s.tensors {
		n += int64(len(t.Data))
	}
	return n
}

// Hash identifies the weights: the SHA-256 of the file, header included, in hex,
// as sha256sum and the Hugging Face hub give it. Of several shards it is the
// SHA-256 of sha256sum's output over them in the order of their names. It reads
// every byte once, past the mapping, so that resident memory does not grow.
func (s *Set) Hash() (string, error) {
	var names, hashes []string
	for _, sh := range s.shards {
		sum := sha256.New()
		n, err := io.Copy(sum, sh.reader())
		if err != nil {
			return "", fileError(sh.name, err)
		}
		if n != int64(len(sh.mem)) {
			return "", fmt.Errorf("safetensors: %s: it had %d bytes when it was opened, now %d", sh.name, len(sh.mem), n)
		}
		names, hashes = append(names, sh.name), append(hashes, hex.EncodeToString(sum.Sum(nil)))
	}
	return JoinHashes(names, hashes), nil
}

// JoinHashes is the [Set.Hash] of files by their names and SHA-256.
func JoinHashes(names, hashes []string) string {
	if len(hashes) == 1 {
		return hashes[0]
	}
	var lines strings.Builder
	for i, hash := range hashes {
		fmt.Fprintf(&lines, "%s  %s\n", hash, names[i])
	}
	sum := sha256.Sum256([]byte(lines.String()))
	return hex.EncodeToString(sum[:])
}

// A File is one that a set was opened from, as it was then.
type File struct {
	Path string
	Info os.FileInfo
}

// Files lists the set's files in the order of their names; none if it is in memory.
func (s *Set) Files() []File {
	var all []File
	for _, sh := range s.shards {
		if sh.file == nil {
			continue
		}
		if info, err := sh.file.Stat(); err == nil {
			all = append(all, File{sh.file.Name(), info})
		}
	}
	return all
}

// Want tells the system that a tensor will be read soon, so that its bytes come
// from the disk while others are worked on. It does nothing where the system has
// no such call.
func (s *Set) Want(v View) {
	if t, ok := s.tensors[v.Name]; ok && t.shard.file != nil {
		page := os.Getpagesize()
		wantPages(t.shard.mem[t.at/page*page : t.at+len(t.Data)])
	}
}

// Drop tells the system that bytes lo to hi of a tensor, and those before them,
// are not needed soon, once they are packed elsewhere. They are read from the file
// again when touched. Pages shared with a neighbour stay. It does nothing where
// the system has no such call.
func (s *Set) Drop(v View, lo, hi int) {
	t, ok := s.tensors[v.Name]
	if !ok || t.shard.file == nil {
		return
	}
	page := os.Getpagesize()
	first := max((t.at+lo)/page, (t.at+page-1)/page) * page // the page of lo was read before
	last := (t.at + hi) / page * page
	if first < last {
		dropPages(t.shard.mem[first:last])
	}
}

// Close unmaps everything; all views are dead from then on. A second call does
// nothing.
func (s *Set) Close() error {
	var errs []error
	for _, sh := range s.shards {
		errs = append(errs, sh.close())
	}
	*s = *newSet()
	return errors.Join(errs...)
}
