package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Limits on a header. The first is the format's own; the others are far above
// any published model and keep a hostile header from costing more than its size
// times a small factor.
const (
	maxHeader   = 100_000_000 // bytes
	maxTensors  = 1_000_000
	maxMetadata = 65_536 // entries
	maxName     = 4_096  // bytes of a tensor's name
	maxRank     = 8
)

const metadataKey = "__metadata__"

// entry is one tensor as its header describes it.
type entry struct {
	name       string
	dtype      DType
	shape      []int
	start, end int64 // bytes, from the end of the header
}

// header is a whole, checked header.
type header struct {
	entries  []entry // in the order of their bytes
	metadata map[string]string
	body     int64 // where the tensors' bytes begin in the file
}

// parse reads the header at the front of file, the bytes of a whole file, and
// checks it against the file's length.
func parse(file []byte) (header, error) {
	text, err := headerText(file)
	if err != nil {
		return header{}, err
	}
	h, err := parseText(text)
	if err != nil {
		return header{}, fmt.Errorf("bad header: %w", err)
	}
	h.body = int64(8 + len(text))
	slices.SortStableFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	return h, h.cover(int64(len(file)))
}

// headerText cuts the JSON out of a file.
func headerText(file []byte) ([]byte, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file; fetch it again", len(file))
	}
	if kind := foreign(file); kind != "" {
		return nil, errors.New(kind)
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader {
		return nil, fmt.Errorf("not a safetensors file: its first 8 bytes give a header of %d bytes, over the format's limit of %d", n, maxHeader)
	}
	if n > uint64(len(file)-8) {
		return nil, fmt.Errorf("truncated: its header should take %d bytes, the file has %d; fetch it again", n+8, len(file))
	}
	text := file[8 : 8+n]
	if !utf8.Valid(text) {
		return nil, errors.New("bad header: it is not valid UTF-8")
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, errors.New("bad header: it does not start with {")
	}
	return text, nil
}

// foreign says what a file is that is often found in the place of weights.
func foreign(file []byte) string {
	switch {
	case bytes.HasPrefix(file, []byte("version https://git-lfs")):
		return "only a Git LFS pointer, not the weights; run: git lfs pull"
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return "a PyTorch pickle archive under a safetensors name; only safetensors is read"
	case bytes.HasPrefix(file, []byte("GGUF")):
		return "a GGUF file; only safetensors is read"
	}
	return ""
}

func parseText(text []byte) (header, error) {
	var h header
	s := &scanner{b: text}
	err := s.object(func(key string) (err error) {
		if key == metadataKey {
			h.metadata, err = readMetadata(s)
			return err
		}
		if len(key) > maxName {
			return fmt.Errorf("a tensor's name has %d bytes, over the limit of %d", len(key), maxName)
		}
		if len(h.entries) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		e, err := readEntry(s)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quoted(key), err)
		}
		e.name = key
		h.entries = append(h.entries, e)
		return nil
	})
	if err != nil {
		return header{}, err
	}
	return h, s.end()
}

func readMetadata(s *scanner) (map[string]string, error) {
	m := map[string]string{}
	err := s.object(func(key string) (err error) {
		if len(m) == maxMetadata {
			return fmt.Errorf("more than %d entries", maxMetadata)
		}
		m[key], err = s.str()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metadataKey, err)
	}
	return m, nil
}

// readEntry reads one tensor's object and checks it by itself.
func readEntry(s *scanner) (entry, error) {
	var e entry
	var offsets []int
	fields := 0
	err := s.object(func(key string) (err error) {
		fields++
		switch key {
		case "dtype":
			e.dtype, err = readDType(s)
		case "shape":
			e.shape, err = readInts(s, maxRank)
		case "data_offsets":
			offsets, err = readInts(s, 2)
		default:
			return fmt.Errorf("unknown key %s", quoted(key))
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if fields != 3 || len(offsets) != 2 {
		return e, errors.New("not exactly one dtype, one shape and two data_offsets")
	}
	e.start, e.end = int64(offsets[0]), int64(offsets[1])
	return e, e.check()
}

// check compares the offsets with the shape.
func (e entry) check() error {
	if e.end < e.start {
		return fmt.Errorf("data_offsets end at %d, before their start %d", e.end, e.start)
	}
	size, err := byteSize(e.dtype, e.shape)
	if err != nil {
		return err
	}
	if size != e.end-e.start {
		return fmt.Errorf("%s %v takes %d bytes, its data_offsets give %d", e.dtype, e.shape, size, e.end-e.start)
	}
	return nil
}

func readDType(s *scanner) (DType, error) {
	name, err := s.str()
	if err != nil {
		return "", err
	}
	if i := DType(name).rank(); i >= 0 {
		return dtypes[i].name, nil
	}
	return "", fmt.Errorf("unknown dtype %s", quoted(name))
}

// readInts reads a list of at most limit numbers that fit an int.
func readInts(s *scanner, limit int) ([]int, error) {
	list := []int{}
	err := s.list('[', ']', func() error {
		if len(list) == limit {
			return fmt.Errorf("a list of more than %d numbers", limit)
		}
		n, err := s.uint()
		if err != nil {
			return err
		}
		if n > math.MaxInt {
			return fmt.Errorf("%d is too large", n)
		}
		list = append(list, int(n))
		return nil
	})
	return list, err
}

// cover requires that the tensors, in the order of their bytes, fill the file
// from the header to its end: no overlap, no hole, nothing behind.
func (h header) cover(fileSize int64) error {
	pos, last := int64(0), ""
	for _, e := range h.entries {
		if e.start < pos {
			return fmt.Errorf("bad header: tensors %s and %s overlap", quoted(last), quoted(e.name))
		}
		if e.start > pos {
			return fmt.Errorf("bad header: %d bytes before tensor %s belong to no tensor", e.start-pos, quoted(e.name))
		}
		pos, last = e.end, e.name
	}
	switch have := fileSize - h.body; {
	case pos > have:
		// Subtracted, not added: the header's sizes may come close to 2^63.
		return fmt.Errorf("truncated: %d bytes of tensors should follow the header of %d, the file has %d in all; fetch it again", pos, h.body, fileSize)
	case pos < have:
		return fmt.Errorf("%d bytes follow the last tensor; the file is damaged or hides something", have-pos)
	}
	return nil
}
