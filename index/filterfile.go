package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/emblem-search/emblem/internal/columns"
)

// Columns are saved in DIR/derived/columns: a file for each segment, and one with
// the state: which segments there are at which sequence, their dead places, and the
// recent documents. The store says which state is the last.
const (
	keyColumns  = "meta/derived/columns"
	legColumns  = "columns"
	suffixState = ".state"
	suffixPart  = ".segment"
	columnsForm = 1 // of a state; it grows when filters see documents differently
)

// errNoColumns says that nothing was saved.
var errNoColumns = errors.New("no columns are saved")

// columnsManifest is what the store keeps under keyColumns.
type columnsManifest struct {
	File string `json:"file"`
	Seq  uint64 `json:"seq"`
}

func (ix *Index) fs() vfs.FS {
	if ix.opts.fs != nil {
		return ix.opts.fs
	}
	return vfs.Default
}

func (ix *Index) columnsDir() string { return ix.derivedDir(legColumns) }

// saveFacts writes what is not yet on disk. Without it, the next start reads the
// documents again; so trouble is only told.
func (ix *Index) saveFacts() {
	k := &ix.keeper
	v := ix.view.Load()
	if err := ix.writeFacts(v); err != nil {
		ix.logf("index: the columns of metadata are not saved: %v", err)
	}
	k.saved.Store(v.facts.changes)
	k.fresh.Store(false)
}

func (ix *Index) writeFacts(v *view) error {
	fs, dir := ix.fs(), ix.columnsDir()
	if err := ix.makeDerivedDir(legColumns); err != nil {
		return err
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	next := 0
	for _, name := range names {
		n := 0
		fmt.Sscanf(name, "%d", &n)
		next = max(next, n+1)
	}
	keep := []string{}
	for _, h := range v.facts.segments {
		if h.file == "" {
			var e columns.Encoder
			h.encode(&e)
			h.file = fmt.Sprintf("%08d%s", next, suffixPart)
			next++
			if h.sum, err = ix.writeColumns(h.file, e.Data); err != nil {
				h.file = ""
				return err
			}
		}
		keep = append(keep, h.file)
	}
	state := fmt.Sprintf("%08d%s", next, suffixState)
	if _, err := ix.writeColumns(state, ix.encodeState(v)); err != nil {
		return err
	}
	manifest, err := json.Marshal(columnsManifest{state, v.seq})
	if err != nil {
		return err
	}
	// Everything up to this sequence is on disk once this is.
	if err := ix.db.Set([]byte(keyColumns), manifest, syncWrites); err != nil {
		return err
	}
	keep = append(keep, state)
	for _, name := range names {
		if !slices.Contains(keep, name) {
			fs.Remove(fs.PathJoin(dir, name))
		}
	}
	return nil
}

// encodeState writes the state of a view.
func (ix *Index) encodeState(v *view) []byte {
	var e columns.Encoder
	e.Uint(columnsForm)
	e.String(ix.sight())
	e.Uint(v.seq)
	e.Uint(uint64(len(v.facts.segments)))
	for _, h := range v.facts.segments {
		e.String(h.file)
		e.Uint(uint64(h.sum))
		e.Bitmap(h.dead)
	}
	segmentOf(v.facts.latest()).encode(&e)
	return e.Data
}

// sight is what else decides what filters see: the metadata that they may, and the
// offsets of this machine's zone, by month.
func (ix *Index) sight() string {
	sum := crc32.NewIEEE()
	for t := time.Unix(0, 0); t.Year() < 2038; t = t.AddDate(0, 0, 28) {
		_, offset := t.Zone()
		fmt.Fprintln(sum, offset)
	}
	private := slices.Sorted(slices.Values(ix.opts.Private))
	return fmt.Sprintf("%08x %q", sum.Sum32(), private)
}

// writeColumns writes a file, durably, under its name when it is whole. It returns
// the sum of all of it, and uses data up.
func (ix *Index) writeColumns(name string, data []byte) (uint32, error) {
	head, tail := columns.Seal(data)
	sum := fileSum(tail) // a file system may change what it was given to write
	return sum, ix.writeDerived(legColumns, name, func(w io.Writer) error {
		for _, part := range [][]byte{head, data, tail} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

// fileSum is the last sum in a file, which depends on all of it.
func fileSum(file []byte) uint32 { return binary.LittleEndian.Uint32(file[len(file)-4:]) }

// savedFacts reads the last state and the sequence it is of. A damaged file is moved
// out of the way.
func (ix *Index) savedFacts() (*facts, uint64, error) {
	value, err := ix.get([]byte(keyColumns))
	if errors.Is(err, ErrNotFound) {
		return nil, 0, errNoColumns
	}
	var m columnsManifest
	if err == nil {
		err = json.Unmarshal(value, &m)
	}
	if err != nil {
		return nil, 0, err
	}
	data, _, err := ix.readColumns(m.File)
	if err != nil {
		return nil, 0, err
	}
	d := columns.NewDecoder(data)
	if d.Uint() != columnsForm || d.String() != ix.sight() {
		return nil, 0, errNoColumns
	}
	f := newFacts()
	if seq := d.Uint(); seq != m.Seq {
		d.Fail()
	}
	for range d.Count(3) {
		h, err := ix.readSegment(d)
		if err != nil {
			return nil, 0, err
		}
		f.segments = append(f.segments, h)
	}
	last := decodeSegment(d)
	if err := d.End(); err != nil {
		return nil, 0, ix.damaged(m.File, err)
	}
	if last.docs.Len() > 0 {
		f.segments = append(f.segments, held{segment: last})
	}
	return f, m.Seq, nil
}

// readSegment reads the next segment of a state.
func (ix *Index) readSegment(state *columns.Decoder) (held, error) {
	name, sum := state.String(), state.Uint()
	if state.Err() != nil {
		return held{}, state.Err()
	}
	data, have, err := ix.readColumns(name)
	if err != nil {
		return held{}, err
	}
	if uint64(have) != sum {
		return held{}, ix.damaged(name, columns.ErrDamaged)
	}
	d := columns.NewDecoder(data)
	s := decodeSegment(d)
	if err := d.End(); err != nil {
		return held{}, ix.damaged(name, err)
	}
	s.file, s.sum = name, have
	return held{s, state.Bitmap(s.n)}, nil
}

// readColumns returns what is in a file and its sum.
func (ix *Index) readColumns(name string) ([]byte, uint32, error) {
	if strings.ContainsAny(name, `/\`) {
		return nil, 0, columns.ErrDamaged
	}
	f, err := ix.fs().Open(ix.fs().PathJoin(ix.columnsDir(), name))
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	file := make([]byte, info.Size())
	if _, err := io.ReadFull(f, file); err != nil {
		return nil, 0, err
	}
	data, err := columns.Unseal(file)
	if err != nil {
		return nil, 0, ix.damaged(name, err)
	}
	return data, fileSum(file), nil
}

// damaged moves a file into quarantine and returns what was wrong with it.
func (ix *Index) damaged(name string, cause error) error {
	return errors.Join(fmt.Errorf("%s: %w", name, cause), ix.setAside(legColumns, name))
}
