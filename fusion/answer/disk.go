package answer

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// disk keeps states in a folder, one file each, those used last, for other processes
// too: DIR/states/KEY. What cannot be written is not kept, and a file that is not what
// it was is removed: its state is made again.
//
// A file is a line of JSON, the features as little-endian float32, and the SHA-256 of
// both.
type disk struct {
	dir  string
	most int64 // bytes

	mu sync.Mutex // one writer at a time
}

const mostDisk = 1 << 30

// diskAt is the disk of a cache folder; nil for none.
func diskAt(cache string) *disk {
	if cache == "" {
		return nil
	}
	return &disk{dir: filepath.Join(cache, "states"), most: mostDisk}
}

func (d *disk) path(k Key) string { return filepath.Join(d.dir, hex.EncodeToString(k[:])) }

// stored is a file's first line.
type stored struct {
	Key           string
	Width, Height int
	Rows, Cols    int
	Tiles, Tokens int
	Features      int
}

// find reads a state; nil: there is none that is whole.
func (d *disk) find(k Key) *ImageState {
	if d == nil {
		return nil
	}
	path := d.path(k)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s := decodeState(raw, k)
	if err != nil || s == nil {
		os.Remove(path)
		return nil
	}
	now := time.Now()
	os.Chtimes(path, now, now) // it was used; not to know is no harm
	return s
}

// keep writes a state, and removes those that were not used for longest.
func (d *disk) keep(s *ImageState) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if os.MkdirAll(d.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(d.dir, ".state-*")
	if err != nil {
		return
	}
	_, err = f.Write(s.encode())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.path(s.Key))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	d.trim()
}

// trim keeps within the bound.
func (d *disk) trim() {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, f := range files {
		if total <= d.most {
			return
		}
		if os.Remove(filepath.Join(d.dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}

// encode is a state as a file has it.
func (s *ImageState) encode() []byte {
	line, err := json.Marshal(stored{hex.EncodeToString(s.Key[:]), s.Width, s.Height, s.Rows, s.Cols, s.Tiles, s.Tokens, len(s.Features)})
	if err != nil {
		panic(err) // numbers and a text
	}
	out := append(line, '\n')
	for _, v := range s.Features {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

// decodeState reads a file; nil: it is not one of a key, or damaged.
func decodeState(raw []byte, k Key) *ImageState {
	end := len(raw) - sha256.Size
	if end < 0 {
		return nil
	}
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return nil
	}
	line, rest, ok := bytes.Cut(raw[:end], []byte("\n"))
	var h stored
	if !ok || json.Unmarshal(line, &h) != nil || h.Key != hex.EncodeToString(k[:]) || len(rest) != 4*h.Features {
		return nil
	}
	s := &ImageState{Key: k, Width: h.Width, Height: h.Height, Rows: h.Rows, Cols: h.Cols, Tiles: h.Tiles, Tokens: h.Tokens, Features: make([]float32, h.Features)}
	for i := range s.Features {
		s.Features[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	return s
}
