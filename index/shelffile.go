package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/vector"
)

// What is derived of a space lies in DIR/derived/vectors: SPACE.NUMBER.rows and
// SPACE.NUMBER.graph. The store says which of them count.
const (
	legVectors    = "vectors"
	prefixVectors = "meta/derived/" + legVectors + "/"
	suffixRows    = ".rows"
	suffixGraph   = ".graph"
	vectorsForm   = 1
)

// shelfManifest is what the store keeps of a space's files.
type shelfManifest struct {
	Form  int        `json:"form"`
	Space Space      `json:"space"`
	Seq   uint64     `json:"seq"` // the rows of all writes up to it are in the files
	Rows  []filePart `json:"rows"`
	Next  int        `json:"next"` // number of the next file

	Graph  string `json:"graph,omitempty"`
	Size   int64  `json:"size,omitempty"`   // of the graph's file
	Sum    uint32 `json:"sum,omitempty"`    // its CRC-32C
	Buried uint64 `json:"buried,omitempty"` // what ended up to it is deleted in the graph
	Walked bool   `json:"walked,omitempty"` // all rows of the graph are linked
	Built  int    `json:"built,omitempty"`  // rows when the codes were made
	Taught int    `json:"taught,omitempty"` // rows when it learned
	Reach  uint64 `json:"reach,omitempty"`  // the bits of stored.reach
	Dead   []byte `json:"dead,omitempty"`   // its deleted rows, as a roaring bitmap
}

// filePart is a row file.
type filePart struct {
	File string `json:"file"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

func (ix *Index) vectorsDir() string { return ix.derivedDir(legVectors) }

func (ix *Index) vectorsPath(name string) string { return ix.fs().PathJoin(ix.vectorsDir(), name) }

// writeVectors writes a file, durably, under its name when it is whole.
func (ix *Index) writeVectors(name string, write func(io.Writer) error) error {
	if err := ix.makeDerivedDir(legVectors); err != nil {
		return err
	}
	return ix.writeDerived(legVectors, name, write)
}

// number names the next file of a stock.
func (s *stock) number(suffix string) string {
	s.manifest.Next++
	return fmt.Sprintf("%s.%08d%s", s.space.Name, s.manifest.Next-1, suffix)
}

// writeRows writes the rows from the end of the files on to to, and with them the
// small files at the end that are no larger together.
func (ix *Index) writeRows(s *shelf, to int) (files []*rowFile, err error) {
	files = slices.Clone(s.rows.state.Load().files)
	from := 0
	if len(files) > 0 {
		from = files[len(files)-1].to
	}
	for i := len(files) - 1; i >= 0 && files[i].to-files[i].from <= min(to-from, ix.opts.pace.flush); i-- {
		files, from = files[:i], files[i].from
	}
	if from >= to {
		return files, nil
	}
	f, err := ix.writeRowFile(s, from, to)
	if err != nil {
		return nil, err
	}
	return append(files, f), nil
}

// writeRowFile writes some rows as a new file and opens it.
func (ix *Index) writeRowFile(s *shelf, from, to int) (*rowFile, error) {
	name := s.number(suffixRows)
	head := s.space.rowHead(from, to, 1<<s.rows.shift)
	failures := s.rows.failures.Load()
	err := ix.writeVectors(name, func(w io.Writer) error { return head.write(w, s.rows.Row, s.ordinal.at) })
	if err == nil {
		err = s.rows.sinceThen(failures)
	}
	if err != nil {
		return nil, err
	}
	f, _, err := openRowFile(ix.fs(), ix.vectorsPath(name), name, head)
	return f, err
}

// saveManifest tells the store which files count and removes the others.
func (ix *Index) saveManifest(s *stock) error {
	m := &s.manifest
	m.Form, m.Space, m.Rows = vectorsForm, s.space, nil
	keep := []string{m.Graph}
	for _, f := range s.rows.state.Load().files {
		m.Rows = append(m.Rows, filePart{f.name, f.from, f.to})
		keep = append(keep, f.name)
	}
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if there, err := ix.setManifest(s, value); err != nil || !there {
		return err
	}
	names, err := ix.fs().List(ix.vectorsDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, s.space.Name+".") && !slices.Contains(keep, name) {
			ix.fs().Remove(ix.vectorsPath(name))
		}
	}
	return nil
}

// setManifest stores a manifest, unless the space was dropped or its stock replaced.
func (ix *Index) setManifest(s *stock, value []byte) (there bool, err error) {
	ix.write.Lock()
	defer ix.write.Unlock()
	if ix.view.Load().sameStock(s) == nil {
		return false, nil
	}
	return true, ix.db.Set([]byte(prefixVectors+s.space.Name), value, syncWrites)
}

// saveGraph writes the graph, whose rows are in files.
func (ix *Index) saveGraph(s *stock) error {
	name := s.number(suffixGraph)
	sum, size := uint32(0), int64(0)
	buried := ix.buriedTo(s)
	err := ix.writeVectors(name, func(w io.Writer) error {
		return s.graph.Load().Write(writerFunc(func(p []byte) (int, error) {
			sum, size = crc32.Update(sum, castagnoli, p), size+int64(len(p))
			return w.Write(p)
		}))
	})
	if err != nil {
		return err
	}
	dead, err := s.dead.ToBytes()
	if err != nil {
		return err
	}
	m := &s.manifest
	m.Dead, m.Reach = dead, s.reach.Load()
	m.Graph, m.Sum, m.Size, m.Buried, m.Walked, m.Built, m.Taught = name, sum, size, buried, s.walked.Load(), s.built, int(s.taught.Load())
	s.unsaved.Store(0)
	return ix.saveManifest(s)
}

// buriedTo is the sequence up to which what ended is deleted in the graph.
func (ix *Index) buriedTo(s *stock) uint64 {
	ix.write.Lock()
	defer ix.write.Unlock()
	if len(ix.tender.ended) == 0 {
		return ix.view.Load().seq // nothing waits for bury
	}
	return s.buried.Load()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// openGraph reads the graph of a manifest.
func (ix *Index) openGraph(s *stock) error {
	m := s.manifest
	f, err := ix.fs().Open(ix.vectorsPath(m.Graph))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != m.Size {
		return vector.ErrDamaged
	}
	data, free, err := borrow(int(m.Size))
	if err != nil {
		return err
	}
	defer free()
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, m.Size), data); err != nil {
		return errors.Join(vector.ErrDamaged, err)
	}
	if crc32.Checksum(data, castagnoli) != m.Sum {
		return vector.ErrDamaged
	}
	g, err := vector.Open(data, s.rows, 0)
	if err != nil {
		return err
	}
	if err := s.dead.UnmarshalBinary(m.Dead); err != nil {
		return err
	}
	s.graph.Store(g)
	s.buried.Store(m.Buried)
	s.walked.Store(m.Walked)
	s.built = m.Built
	s.reach.Store(m.Reach)
	s.taught.Store(int64(m.Taught))
	return nil
}

// quarantine moves a file of vectors out of the way. That it cannot be moved is no
// trouble: it is made anew under another name.
func (ix *Index) quarantine(name string, cause error) {
	ix.logf("index: %s is damaged, it is made anew: %v", name, cause)
	ix.damages.Add(1)
	ix.setAside(legVectors, name)
}

// intact says whether a file is there and as long as it should be.
func (ix *Index) intact(name string, size int64) bool {
	info, err := ix.fs().Stat(ix.vectorsPath(name))
	return err == nil && info.Size() == size
}
