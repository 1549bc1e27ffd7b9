package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// witness is a small file beside the store that says what the store has to hold:
// the writes up to a sequence, which were acknowledged, and the beginning of its
// manifest. The store reads its log and its manifest up to the first record that
// is torn, as a power cut leaves one; so damage in their middle would silently
// bring back an earlier state. The file is written after the acknowledgement, now
// and then and at Close, and is never ahead of a store that is whole.
type witness struct {
	fs   vfs.FS
	dir  string
	opts Options

	mu    sync.Mutex
	said  testimony // what the file says
	acked uint64    // sequence of the last acknowledged write
	at    time.Time // when the file was written
}

// testimony is what the file holds, after its own checksum.
type testimony struct {
	Seq      uint64 `json:"seq"`
	Manifest string `json:"manifest"` // name of the manifest, of which
	Size     int64  `json:"size"`     // so many bytes have
	Sum      uint32 `json:"sum"`      // this CRC-32C
}

const (
	witnessFile = "acknowledged"
	witnessGap  = time.Second
	witnessMost = 4096 // bytes of the file
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newWitness reads the file in dir. One that is not there or cannot be read says
// nothing.
func newWitness(dir string, opts Options) *witness {
	w := &witness{fs: opts.fs, dir: dir, opts: opts}
	if w.fs == nil {
		w.fs = vfs.Default
	}
	f, err := w.fs.Open(w.path())
	if err != nil {
		return w
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, witnessMost))
	if err == nil {
		w.said.parse(string(text))
	}
	return w
}

func (w *witness) path() string { return w.fs.PathJoin(w.dir, witnessFile) }

func (s testimony) String() string {
	body, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers and a string
	}
	return fmt.Sprintf("%08x %s\n", crc32.Checksum(body, castagnoli), body)
}

// parse reads what String wrote and leaves s as it is if text is anything else.
func (s *testimony) parse(text string) {
	var read testimony
	_, body, _ := strings.Cut(text, " ")
	if json.Unmarshal([]byte(body), &read) == nil && read.String() == text {
		*s = read
	}
}

// checkManifest returns an error if the store has lost its manifest or the part
// of it that is known. It comes before the store is opened, since that removes
// all tables that the manifest does not name.
func (w *witness) checkManifest() error {
	if w.said.Manifest == "" {
		return nil
	}
	now, err := w.manifest(w.said.Size)
	if err != nil {
		return openError(w.dir, err)
	}
	if now.Manifest == "" || now.Manifest == w.said.Manifest && now != (testimony{0, now.Manifest, w.said.Size, w.said.Sum}) {
		return fmt.Errorf("index: %s is damaged: its %s is not what it was; restore a backup", w.dir, w.said.Manifest)
	}
	return nil
}

// checkSeq returns an error if the store ends before the writes that were
// acknowledged.
func (w *witness) checkSeq(seq uint64) error {
	if seq < w.said.Seq {
		return fmt.Errorf("index: %s is damaged: it holds the writes up to %d, but those up to %d were acknowledged; restore a backup, or remove %s to go on with what is left",
			w.dir, seq, w.said.Seq, w.path())
	}
	return nil
}

// manifest describes the store's manifest up to the given size, or all of it if
// that is negative. Without a store the name is empty.
func (w *witness) manifest(size int64) (testimony, error) {
	store, err := pebble.Peek(w.dir, w.fs)
	if err != nil || !store.Exists {
		return testimony{}, err
	}
	f, err := w.fs.Open(store.ManifestFilename)
	if err != nil {
		return testimony{}, err
	}
	defer f.Close()
	sum, in := crc32.New(castagnoli), io.Reader(f)
	if size >= 0 {
		in = io.LimitReader(f, size)
	}
	n, err := io.Copy(sum, in)
	return testimony{0, w.fs.PathBase(store.ManifestFilename), n, sum.Sum32()}, err
}

// saw notes that a write was acknowledged.
func (w *witness) saw(seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = max(w.acked, seq)
	if w.acked > w.said.Seq && time.Since(w.at) >= witnessGap {
		w.at = time.Now()
		next := w.said
		next.Seq = w.acked
		w.write(next)
	}
}

// close notes what there is in the end. The store is closed already, so that its
// manifest does not grow any more.
func (w *witness) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	next, err := w.manifest(-1)
	if err != nil {
		w.complain(err)
		next = w.said
	}
	next.Seq = max(w.acked, w.said.Seq)
	if next != w.said {
		w.write(next)
	}
}

func (w *witness) write(next testimony) {
	if err := w.replace(next.String()); err != nil {
		w.complain(err)
		return
	}
	w.said = next
}

// complain tells of a witness that could not be written. The truth is whole, so
// nothing else is wrong.
func (w *witness) complain(err error) {
	storeLogger{w.opts}.Errorf("index: %s: %v", w.path(), err)
}

func (w *witness) replace(text string) error {
	temp := w.path() + ".new"
	f, err := w.fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return w.fs.Rename(temp, w.path())
}
