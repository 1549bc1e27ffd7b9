package words

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	api "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// segment is an immutable file with the terms of some documents, and which of them
// are gone since.
type segment struct {
	kept
	zap     api.Segment
	ords    []uint32 // by document number
	sorted  bool     // ords ascend
	highest uint32
	gone    *roaring.Bitmap // document numbers; replaced, never changed
}

// kept is what the manifest says about a segment.
type kept struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	CRC  uint32 `json:"crc"` // IEEE, of all but the last four bytes, which hold it
	Docs int    `json:"docs"`
	Gone []byte `json:"gone,omitempty"` // a roaring bitmap
}

// live is the number of documents that are not gone.
func (s *segment) live() int { return len(s.ords) - int(s.gone.GetCardinality()) }

// file is the segment's, "" for none.
func (s *segment) file() string {
	if s == nil {
		return ""
	}
	return s.File
}

// ordinalName is the name that bleve's segments know a document by.
func ordinalName(ord uint32) string { return string(binary.BigEndian.AppendUint32(nil, ord)) }

// writeSegment makes a file of documents and syncs it.
func writeSegment(path string, docs []*Terms) error {
	list := make([]index.Document, len(docs))
	for i, d := range docs {
		list[i] = (*document)(d)
	}
	built, _, err := new(zap.ZapPlugin).New(list)
	if err != nil {
		return err
	}
	return built.(api.UnpersistedSegment).Persist(path)
}

// mergeSegments makes one file of several, without the documents that are gone, and syncs
// it. numbers maps the documents of each to the new file's.
func mergeSegments(path string, list []*segment) (numbers [][]uint64, err error) {
	var from []api.Segment
	var gone []*roaring.Bitmap
	for _, s := range list {
		from, gone = append(from, s.zap), append(gone, s.gone)
	}
	numbers, _, err = new(zap.ZapPlugin).Merge(from, gone, path, nil, bytesIgnored{})
	return numbers, err
}

type bytesIgnored struct{}

func (bytesIgnored) ReportBytesWritten(uint64) {}

// openSegment opens a file after reading it whole: its sum and size must be those of the
// manifest, or those that the file itself gives if it is new.
func openSegment(dir string, k kept, fresh bool) (*segment, error) {
	path := filepath.Join(dir, k.File)
	size, crc, err := sum(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if fresh {
		k.Size, k.CRC = size, crc
	}
	if size != k.Size || crc != k.CRC {
		return nil, fmt.Errorf("%w: %s is not what was written", ErrDamaged, k.File)
	}
	opened, err := new(zap.ZapPlugin).Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrDamaged, k.File, err)
	}
	s := &segment{kept: k, zap: opened, gone: roaring.New()}
	if err := s.load(fresh); err != nil {
		opened.Close()
		return nil, fmt.Errorf("%w: %s: %v", ErrDamaged, k.File, err)
	}
	return s, nil
}

// sum reads a file and checks that its last four bytes are the sum of the others.
func sum(path string) (size int64, crc uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	if size = info.Size(); size < zap.FooterSize {
		return 0, 0, errors.New("the file is too short")
	}
	h := crc32.NewIEEE()
	r := bufio.NewReaderSize(f, 1<<20)
	if _, err := io.CopyN(h, r, size-4); err != nil {
		return 0, 0, err
	}
	var last [4]byte
	if _, err := io.ReadFull(r, last[:]); err != nil {
		return 0, 0, err
	}
	if crc = h.Sum32(); binary.BigEndian.Uint32(last[:]) != crc {
		return 0, 0, errors.New("the sum is wrong")
	}
	return size, crc, nil
}

// verify reads the file again.
func (s *segment) verify(dir string) error {
	size, crc, err := sum(filepath.Join(dir, s.File))
	if err == nil && (size != s.Size || crc != s.CRC) {
		err = errors.New("it is another file")
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %v", ErrDamaged, s.File, err)
	}
	return nil
}

// load reads the ordinals and which documents are gone.
func (s *segment) load(fresh bool) error {
	if !fresh && s.zap.Count() != uint64(s.Docs) {
		return errors.New("the number of documents is wrong")
	}
	s.Docs = int(s.zap.Count())
	s.ords = make([]uint32, s.Docs)
	for i := range s.ords {
		id, err := s.zap.DocID(uint64(i))
		if err != nil {
			return err
		}
		if len(id) != 4 {
			return errors.New("a document has no number")
		}
		s.ords[i] = binary.BigEndian.Uint32(id)
		s.highest = max(s.highest, s.ords[i])
	}
	s.sorted = slices.IsSorted(s.ords)
	if len(s.Gone) > 0 {
		return s.gone.UnmarshalBinary(slices.Clone(s.Gone))
	}
	return nil
}

// numbersOf finds those of some ordinals that are in the segment.
func (s *segment) numbersOf(ords *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	var names []string
	for it := ords.Iterator(); it.HasNext(); {
		ord := it.Next()
		if ord > s.highest {
			break
		}
		if !s.sorted {
			names = append(names, ordinalName(ord))
		} else if at, ok := slices.BinarySearch(s.ords, ord); ok {
			out.Add(uint32(at))
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	return s.zap.DocNumbers(names)
}

// without returns the segment less some document numbers.
func (s *segment) without(numbers *roaring.Bitmap) *segment {
	if numbers.IsEmpty() {
		return s
	}
	c := *s
	c.gone = roaring.Or(s.gone, numbers)
	c.Gone, _ = c.gone.ToBytes() // into memory: cannot fail
	return &c
}
