package safetensors

import (
	"bytes"
	"fmt"
	"io"
)

// OpenBytes opens a safetensors file that is in memory: embedded in the program,
// say. The set's views point into data, which must not change while it is open.
func OpenBytes(name string, data []byte) (*Set, error) {
	sh := &shard{name: name, mem: data}
	var err error
	if sh.head, err = parse(data); err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", name, err)
	}
	s := newSet()
	s.add(sh)
	s.sort()
	return s, nil
}

// reader reads the shard's file from its start, past the mapping.
func (sh *shard) reader() io.Reader {
	if sh.file == nil {
		return bytes.NewReader(sh.mem)
	}
	return io.NewSectionReader(sh.file, 0, int64(len(sh.mem)))
}
