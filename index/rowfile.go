package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A row file holds some rows of a space, little-endian, and never changes:
//
//	head: magic, form, dim, first row, rows, rows a block, CRC-32C of the space's name; CRC-32C
//	ordinals: a uint32 a row; CRC-32C
//	blocks: the rows of each block, rows of other files left 0; CRC-32C
//
// Blocks begin at multiples of their size whatever the first row is.
type rowFile struct {
	rowHead
	name string // in the folder of the space
	from int
	to   int
	in   vfs.File
	bad  atomic.Bool // it is not what was written
}

type rowHead struct {
	Magic                            [8]byte
	Form, Dim, From, Rows, Per, Name uint32
}

const (
	rowMagic = "emblrows"
	rowForm  = 1
	headSize = 8 + 6*4 + 4
)

var errDamagedRows = errors.New("the file of vectors is damaged")

func (s Space) rowHead(from, to int, per int) rowHead {
	h := rowHead{Form: rowForm, Dim: uint32(s.Dim), From: uint32(from), Rows: uint32(to - from), Per: uint32(per),
		Name: crc32.Checksum([]byte(s.Name), castagnoli)}
	copy(h.Magic[:], rowMagic)
	return h
}

func (h rowHead) encode() []byte {
	out := make([]byte, headSize)
	copy(out, h.Magic[:])
	for i, x := range []uint32{h.Form, h.Dim, h.From, h.Rows, h.Per, h.Name} {
		binary.LittleEndian.PutUint32(out[8+4*i:], x)
	}
	binary.LittleEndian.PutUint32(out[headSize-4:], crc32.Checksum(out[:headSize-4], castagnoli))
	return out
}

func decodeRowHead(data []byte) (h rowHead, ok bool) {
	if len(data) != headSize || crc32.Checksum(data[:headSize-4], castagnoli) != binary.LittleEndian.Uint32(data[headSize-4:]) {
		return h, false
	}
	copy(h.Magic[:], data)
	for i, x := range []*uint32{&h.Form, &h.Dim, &h.From, &h.Rows, &h.Per, &h.Name} {
		*x = binary.LittleEndian.Uint32(data[8+4*i:])
	}
	return h, true
}

// stride is the size of a block in the file.
func (h rowHead) stride() int { return int(h.Per*h.Dim)*4 + 4 }

func (h rowHead) blocks() int {
	return int((h.From+h.Rows+h.Per-1)/h.Per - h.From/h.Per)
}

func (h rowHead) size() int64 {
	return headSize + int64(h.Rows)*4 + 4 + int64(h.blocks())*int64(h.stride())
}

// write writes the file's bytes. row gives the rows, ordinal theirs.
func (h rowHead) write(out io.Writer, row func(uint32) []float32, ordinal func(uint32) uint32) error {
	w := bufio.NewWriterSize(out, 1<<18)
	w.Write(h.encode())
	buf := make([]byte, 0, max(int(h.Rows)*4+4, h.stride()))
	for i := range h.Rows {
		buf = binary.LittleEndian.AppendUint32(buf, ordinal(h.From+i))
	}
	w.Write(binary.LittleEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli)))
	for at := h.From / h.Per * h.Per; at < h.From+h.Rows; at += h.Per {
		buf = buf[:h.stride()-4]
		clear(buf)
		for i := range h.Per {
			if id := at + i; id >= h.From && id < h.From+h.Rows {
				putVector(buf[i*h.Dim*4:], row(id))
			}
		}
		if _, err := w.Write(binary.LittleEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))); err != nil {
			return err
		}
	}
	return w.Flush()
}

func putVector(out []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
}

// openRowFile opens a file that should have the head want and returns the ordinals
// of its rows.
func openRowFile(fs vfs.FS, path, name string, want rowHead) (*rowFile, []uint32, error) {
	in, err := fs.Open(path)
	if err != nil {
		return nil, nil, err
	}
	f := &rowFile{rowHead: want, name: name, from: int(want.From), to: int(want.From + want.Rows), in: in}
	ordinals, err := f.verify()
	if err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	return f, ordinals, nil
}

// verify reads head and ordinals; blocks are checked when they are read.
func (f *rowFile) verify() ([]uint32, error) {
	info, err := f.in.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != f.size() {
		return nil, errDamagedRows
	}
	buf := make([]byte, headSize+int(f.Rows)*4+4)
	if _, err := f.in.ReadAt(buf, 0); err != nil {
		return nil, errors.Join(errDamagedRows, err)
	}
	if h, ok := decodeRowHead(buf[:headSize]); !ok || h != f.rowHead {
		return nil, errDamagedRows
	}
	list := buf[headSize : len(buf)-4]
	if crc32.Checksum(list, castagnoli) != binary.LittleEndian.Uint32(buf[len(buf)-4:]) {
		return nil, errDamagedRows
	}
	out := make([]uint32, f.Rows)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(list[4*i:])
	}
	return out, nil
}

// read fills out with the rows from from to to, which lie in the file and in one
// block; false says that they could not be read.
func (f *rowFile) read(from, to int, out []float32) bool {
	if f.bad.Load() {
		return false
	}
	lent, _ := fileBuffers.Get().(*[]byte)
	if lent == nil || cap(*lent) < f.stride() {
		lent = new(make([]byte, f.stride()))
	}
	defer fileBuffers.Put(lent)
	buf := (*lent)[:f.stride()]
	block := uint32(from)/f.Per - f.From/f.Per
	_, err := f.in.ReadAt(buf, headSize+int64(f.Rows)*4+4+int64(block)*int64(len(buf)))
	data := buf[:len(buf)-4]
	if err != nil || crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(buf[len(data):]) {
		f.bad.Store(true)
		return false
	}
	data = data[uint32(from)%f.Per*f.Dim*4:]
	return decodeVector(out[:(to-from)*int(f.Dim)], data[:(to-from)*int(f.Dim)*4])
}

// fileBuffers are what blocks are read into before they are checked.
var fileBuffers sync.Pool

func (f *rowFile) close() { f.in.Close() }

// fileOf is the file of a row, or nil. Files lie in order and do not overlap.
func fileOf(files []*rowFile, row int) *rowFile {
	lo, hi := 0, len(files)
	for lo < hi {
		mid := (lo + hi) / 2
		if files[mid].to <= row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(files) && files[lo].from <= row {
		return files[lo]
	}
	return nil
}
