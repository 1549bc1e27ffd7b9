package index

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// A Document is one thing that can be found.
type Document struct {
	ID string // the caller's, 1 to 4096 bytes of any kind

	// Metadata holds string, bool, int64, float64 and []string values (int and
	// float32 are taken too); strings are UTF-8. Integers come back as int64.
	Metadata map[string]any

	// Vectors are its vectors by space; a space may hold several per document
	// (tiles, frames), and the best one counts.
	Vectors map[string][][]float32

	// Hidden documents are kept with their vectors but are never found.
	Hidden bool

	// Ordinal is the index's own number for the document. It is never reused;
	// new vectors give a document a new one. Writes ignore it.
	Ordinal uint32
}

const (
	maxID      = 4096
	maxVectors = 1 << 16 // per document and space
	recordV1   = 1       // first byte of a stored document
)

// record is a document as it is stored under doc/<ordinal>: a version byte, the
// id's length and bytes (an id need not be UTF-8), and the rest as JSON.
type record struct {
	ID       string         `json:"-"`
	Metadata map[string]any `json:"m,omitempty"`
	Spaces   map[string]int `json:"v,omitempty"` // number of vectors by space
}

func encodeRecord(d *Document) ([]byte, error) {
	r := record{ID: d.ID, Metadata: d.Metadata}
	for name, vs := range d.Vectors {
		if len(vs) > 0 {
			if r.Spaces == nil {
				r.Spaces = map[string]int{}
			}
			r.Spaces[name] = len(vs)
		}
	}
	return r.encode()
}

func (r record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("index: document %q: %w", r.ID, err)
	}
	out := binary.AppendUvarint([]byte{recordV1}, uint64(len(r.ID)))
	return append(append(out, r.ID...), body...), nil
}

func decodeRecord(value []byte) (record, error) {
	var r record
	if len(value) == 0 || value[0] != recordV1 {
		return r, errors.New("index: a stored document has an unknown form; it was written by a newer emblem")
	}
	length, n := binary.Uvarint(value[1:])
	if n <= 0 || length > uint64(len(value)-1-n) {
		return r, errors.New("index: a stored document is damaged")
	}
	rest := value[1+n:]
	r.ID = string(rest[:length])
	dec := json.NewDecoder(bytes.NewReader(rest[length:]))
	dec.UseNumber()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("index: document %q is damaged: %w", r.ID, err)
	}
	for k, v := range r.Metadata {
		r.Metadata[k] = goValue(v)
	}
	return r, nil
}

// goValue turns a decoded JSON value into the documented Go types.
func goValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		list := make([]string, 0, len(v))
		for _, s := range v {
			list = append(list, fmt.Sprint(s))
		}
		return list
	}
	return v
}

// checkMetadata refuses what could not be read back as it was.
func checkMetadata(m map[string]any) error {
	for k, v := range m {
		switch v := v.(type) {
		case bool, int, int64:
		case string:
			if !utf8.ValidString(v) {
				return fmt.Errorf("index: metadata %q is not UTF-8", k)
			}
		case []string:
			if !slices.ContainsFunc(v, func(s string) bool { return !utf8.ValidString(s) }) {
				continue
			}
			return fmt.Errorf("index: metadata %q is not UTF-8", k)
		case float32:
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("index: metadata %q is not a finite number", k)
			}
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("index: metadata %q is not a finite number", k)
			}
		default:
			return fmt.Errorf("index: metadata %q is a %T; use string, bool, int64, float64 or []string", k, v)
		}
	}
	return nil
}

func checkID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("index: an id has 1 to %d bytes, got %d", maxID, len(id))
	}
	return nil
}
