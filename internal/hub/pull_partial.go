package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
)

// partial is a blob that is being fetched: a file of its final size with holes,
// and the journal of what is in it. Its name is not the one that other tools give
// to theirs, which they continue at the end.
type partial struct {
	file  remoteFile
	block int64
	data  *os.File
	log   *os.File

	mu   sync.Mutex
	sums map[int]uint32 // of the blocks that are there
}

func partialName(etag string) string { return "blobs/" + etag + ".emblem.incomplete" }
func journalName(etag string) string { return "blobs/" + etag + ".emblem.journal" }

// openPartial opens what an earlier pull left, or begins.
func openPartial(root *os.Root, f remoteFile, block int64) (*partial, error) {
	p := &partial{file: f, block: block, sums: map[int]uint32{}}
	var err error
	if p.data, err = root.OpenFile(partialName(f.Etag), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	if p.log, err = root.OpenFile(journalName(f.Etag), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		p.data.Close()
		return nil, err
	}
	if err := p.resume(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// resume reads the journal and believes of it what the data bears out.
func (p *partial) resume() error {
	text, err := io.ReadAll(io.LimitReader(p.log, 64<<20))
	if err != nil {
		return err
	}
	block, sums, ok := parseJournal(text, p.file.Size)
	if !ok {
		return p.begin()
	}
	p.block = block
	if err := p.data.Truncate(p.file.Size); err != nil { // a power cut may have made it shorter
		return err
	}
	buf := make([]byte, min(p.block, p.file.Size))
	for i, sum := range sums {
		b := buf[:p.length(i)]
		if _, err := p.data.ReadAt(b, int64(i)*p.block); err != nil {
			return err
		}
		if sumOf(b) == sum {
			p.sums[i] = sum
		}
	}
	if text[len(text)-1] != '\n' {
		_, err = p.log.WriteString("\n")
	}
	return err
}

func (p *partial) begin() error {
	for _, f := range []*os.File{p.log, p.data} {
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := p.log.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := p.log.WriteString(journalStart(p.file.Size, p.block)); err != nil {
		return err
	}
	return p.data.Truncate(p.file.Size)
}

func (p *partial) close() {
	p.data.Close()
	p.log.Close()
}

// count is the number of blocks.
func (p *partial) count() int { return int(blocks(p.file.Size, p.block)) }

// length of block i.
func (p *partial) length(i int) int64 {
	return min(p.block, p.file.Size-int64(i)*p.block)
}

func (p *partial) has(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.sums[i]
	return ok
}

// missing returns the first run of absent blocks in [from, to), empty if all are
// there.
func (p *partial) missing(from, to int) (first, end int) {
	for from < to && p.has(from) {
		from++
	}
	end = from
	for end < to && !p.has(end) {
		end++
	}
	return from, end
}

// there is the number of bytes in place.
func (p *partial) there() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int64
	for i := range p.sums {
		n += p.length(i)
	}
	return n
}

// store puts a block into its place and then into the journal.
func (p *partial) store(i int, b []byte) error {
	if _, err := p.data.WriteAt(b, int64(i)*p.block); err != nil {
		return err
	}
	sum := sumOf(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.log.WriteString(journalLine(i, sum)); err != nil {
		return err
	}
	p.sums[i] = sum
	return nil
}

// forget makes blocks [from, to) absent and returns their sums and bytes.
func (p *partial) forget(from, to int) (old []uint32, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := from; i < to; i++ {
		old = append(old, p.sums[i])
		bytes += p.length(i)
		delete(p.sums, i)
	}
	return old, bytes
}

// sumsOf are the sums of blocks [from, to).
func (p *partial) sumsOf(from, to int) (sums []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := from; i < to; i++ {
		sums = append(sums, p.sums[i])
	}
	return sums
}

// errWrongHash says that bytes are not those that the hub announced.
var errWrongHash = errors.New("the bytes that came are not those that the hub announced")

// verify reads the data and compares its hash with the etag.
func (p *partial) verify() error {
	return verify(io.NewSectionReader(p.data, 0, p.file.Size), p.file)
}

// verify reads r, which is as long as f says, and compares its hash.
func verify(r io.Reader, f remoteFile) error {
	var h hash.Hash
	switch len(f.Etag) {
	case 64:
		h = sha256.New()
	default:
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", f.Size)
	}
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.Etag {
		return fmt.Errorf("%w: they hash to %s, not to %s", errWrongHash, got, f.Etag)
	}
	return nil
}
