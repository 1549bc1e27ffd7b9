package vector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync/atomic"
	"unsafe"
)

// The format, little-endian: a stream cut into blocks of 64 KiB, the last one
// shorter, each followed by its CRC-32C. The stream is a head, then the parts in the
// order of parts.

const (
	magic   = "emblemvg"
	version = 2
	cut     = 64 << 10
)

// bigEndian machines neither write nor read the format: parts are written as memory
// holds them.
func bigEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) != 1 }

var errEndian = errors.New("vector: graphs are not stored on big-endian machines; build again at every start")

// ErrDamaged says that bytes are not what Write wrote.
var ErrDamaged = errors.New("vector: the file is damaged or of another kind; delete it and build again")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head says how large the parts are.
type head struct {
	Magic                  [8]byte
	Version, Dim, Metric   uint32
	Anchors, Lifted, Twins uint32
	Degree, Extra, Breadth uint32
	Alpha, Radius, Top     float32
	Rows, Linked, Entries  uint32
	Points                 [kinds]uint32
	Seed                   uint64
	Reach, Longest         float64
}

// Write writes codes and graph, without the rows.
func (g *Graph) Write(w io.Writer) error {
	if bigEndian() {
		return errEndian
	}
	g.change.Lock()
	defer g.change.Unlock()
	h := g.head()
	b := &blockWriter{w: w}
	if err := binary.Write(b, binary.LittleEndian, &h); err != nil {
		return err
	}
	for _, part := range g.parts(g.deadNow()) {
		if _, err := b.Write(part); err != nil {
			return err
		}
	}
	return b.flush()
}

func (g *Graph) head() head {
	c := g.codes
	h := head{Version: version, Dim: uint32(c.Dim), Metric: uint32(c.Metric), Anchors: uint32(len(c.anchors)),
		Degree: uint32(g.Degree), Extra: uint32(g.Extra), Breadth: uint32(g.Breadth), Alpha: g.Alpha, Radius: c.radius, Top: c.top,
		Rows: uint32(g.n), Linked: uint32(g.linked), Entries: uint32(len(g.entrance.rows)), Seed: c.Seed, Reach: c.reach, Longest: c.longest}
	copy(h.Magic[:], magic)
	if c.lift != nil {
		h.Lifted = 1
	}
	if g.twins.first != nil {
		h.Twins = 1
	}
	for k, points := range g.curves {
		h.Points[k] = uint32(len(points))
	}
	return h
}

// deadNow copies the marks of the rows that searches see; Delete need not wait for
// a file.
func (g *Graph) deadNow() Bitmap {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return intersect(g.dead, all(g.n))
}

// parts lists the memory that follows the head.
func (g *Graph) parts(dead Bitmap) [][]byte {
	c := g.codes
	var out [][]byte
	for _, a := range c.anchors {
		out = append(out, asBytes(a))
	}
	out = append(out, asBytes(c.lift), c.codes[:c.n*c.stride()], asBytes(c.sides[:c.n]), asBytes(g.links[:g.linked*g.stride()]),
		asBytes(dead), asBytes(g.entrance.rows), asBytes(g.twins.first))
	for _, points := range g.curves {
		out = append(out, asBytes(points))
	}
	return out
}

// asBytes is a slice of numbers as memory holds them; see bigEndian.
func asBytes[T any](s []T) []byte {
	var zero T
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(zero)))
}

// blockWriter cuts a stream into blocks.
type blockWriter struct {
	w   io.Writer
	buf []byte
}

func (b *blockWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), cut-len(b.buf))
		b.buf, p = append(b.buf, p[:take]...), p[take:]
		if len(b.buf) == cut {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (b *blockWriter) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	sum := crc32.Checksum(b.buf, castagnoli)
	_, err := b.w.Write(binary.LittleEndian.AppendUint32(b.buf, sum))
	b.buf = b.buf[:0]
	return err
}

// blockAt is the inside of the i-th block of data, nil if its sum is wrong.
func blockAt(data []byte, i int) []byte {
	data = data[min(i*(cut+4), len(data)):]
	n := min(cut, len(data)-4)
	if n <= 0 || crc32.Checksum(data[:n], castagnoli) != binary.LittleEndian.Uint32(data[n:]) {
		return nil
	}
	return data[:n]
}

// scatter copies the stream into parts, which are together as long, and checks every
// block.
func scatter(data []byte, parts [][]byte, workers int) error {
	var damaged atomic.Bool
	Share((len(data)+cut+3)/(cut+4), workers, func(from, to int) {
		rest := slices.Clone(parts)
		skip := from * cut
		for i := from; i < to; i++ {
			block := blockAt(data, i)
			if block == nil {
				damaged.Store(true)
				return
			}
			for len(block) > 0 {
				for skip >= len(rest[0]) {
					skip -= len(rest[0])
					rest = rest[1:]
				}
				n := copy(rest[0][skip:], block)
				skip, block = skip+n, block[n:]
			}
		}
	})
	if damaged.Load() {
		return ErrDamaged
	}
	return nil
}

// Open reads what Write wrote into memory of its own; every block's sum and every id
// is checked. It never panics and takes memory in proportion to data. The rows are
// those that the graph was built over.
func Open(data []byte, rows Rows, workers int) (*Graph, error) {
	if bigEndian() {
		return nil, errEndian
	}
	var h head
	if _, err := binary.Decode(blockAt(data, 0), binary.LittleEndian, &h); err != nil {
		return nil, ErrDamaged
	}
	if string(h.Magic[:]) == magic && h.Version != version {
		return nil, fmt.Errorf("vector: the file is of version %d, this program reads %d; delete it and build again", h.Version, version)
	}
	if !h.plausible(len(data)) {
		return nil, ErrDamaged
	}
	g, err := h.empty(rows, workers)
	if err != nil {
		return nil, err
	}
	parts := append([][]byte{make([]byte, binary.Size(h))}, g.parts(g.dead[:(g.n+63)/64])...)
	if err := scatter(data, parts, g.Workers); err != nil {
		return nil, err
	}
	return g, g.verify()
}

// plausible checks a head against the length of the file.
func (h *head) plausible(size int) bool {
	if string(h.Magic[:]) != magic || h.Dim < 1 || h.Dim > maxDim || h.Metric > uint32(L2) || h.Anchors < 1 || h.Anchors > kinds || h.Lifted > 1 || h.Twins > 1 ||
		h.Degree < 2 || h.Degree > maxDegree || h.Extra > maxDegree || h.Degree+h.Extra > maxDegree || h.Breadth < 2 || h.Breadth > 1<<20 || !(h.Alpha >= 1) ||
		h.Rows > maxRows-1 || h.Linked > h.Rows || int(h.Entries) > entryCount(int(h.Linked)) {
		return false
	}
	n := uint64(h.Rows)
	need := uint64(h.Anchors*h.Dim*4) + n*4*uint64(h.Lifted) + n*uint64((h.Dim+127)/128*64+16) +
		uint64(h.Linked)*4*uint64(1+h.Degree+h.Extra) + (n+63)/64*8 + uint64(h.Entries)*4 + uint64(h.Linked)*4*uint64(h.Twins)
	for _, p := range h.Points {
		need += uint64(p) * uint64(unsafe.Sizeof(point{}))
	}
	need += uint64(binary.Size(h))
	return need+(need+cut-1)/cut*4 == uint64(size)
}

// empty makes a graph of the head's shape.
func (h *head) empty(rows Rows, workers int) (*Graph, error) {
	o := Options{Dim: int(h.Dim), Metric: Metric(h.Metric), Seed: h.Seed}
	c, err := NewCodes(o, make([]float32, h.Dim), int(h.Rows))
	if err != nil {
		return nil, err
	}
	c.n, c.radius, c.top, c.reach, c.longest = int(h.Rows), h.Radius, h.Top, h.Reach, h.Longest
	for len(c.anchors) < int(h.Anchors) {
		c.anchors = append(c.anchors, make([]float32, h.Dim))
	}
	if h.Lifted == 1 {
		c.lift = make([]float32, h.Rows)
	}
	g, err := NewGraph(c, rows, GraphOptions{Degree: int(h.Degree), Extra: int(h.Extra), Breadth: int(h.Breadth), Alpha: h.Alpha, Workers: workers})
	if err != nil {
		return nil, err
	}
	g.Extra, g.n, g.linked = int(h.Extra), int(h.Rows), int(h.Linked)
	if err := g.reserve(int(h.Rows)); err != nil {
		return nil, err
	}
	g.entrance.rows = make([]uint32, h.Entries)
	if h.Twins == 1 {
		g.twins.first = make([]uint32, h.Linked)
	}
	for k, n := range h.Points {
		if n > 0 {
			g.curves[k] = make(curve, n)
		}
	}
	return g, nil
}

// verify checks ids and counts deleted rows.
func (g *Graph) verify() error {
	if !g.linksWithin() || !g.chainTwins() {
		return ErrDamaged
	}
	for _, id := range g.entrance.rows {
		if id >= uint32(g.linked) {
			return ErrDamaged
		}
	}
	for _, c := range g.curves {
		if !c.valid() {
			return ErrDamaged
		}
	}
	if marks := g.dead[:(g.n+63)/64]; intersect(marks, all(g.n)).Len() != marks.Len() {
		return ErrDamaged
	}
	g.entrance = g.grouped(g.entrance.rows)
	g.deadN = g.dead.Len()
	g.countLoose()
	return nil
}

// linksWithin says whether all links lead to linked rows.
func (g *Graph) linksWithin() bool {
	var wrong atomic.Bool
	Share(g.linked, g.Workers, func(from, to int) {
		for id := from; id < to; id++ {
			row := g.links[id*g.stride() : (id+1)*g.stride()]
			if row[0] >= uint32(len(row)) || row[0] > 0 && slices.Max(row[1:1+row[0]]) >= uint32(g.linked) {
				wrong.Store(true)
				return
			}
		}
	})
	return !wrong.Load()
}

// chainTwins finds the rings again and says whether every row's first row is one.
func (g *Graph) chainTwins() bool {
	if g.twins.first == nil {
		return true
	}
	g.twins.extend(g.linked)
	for id, first := range g.twins.first {
		if first > uint32(id) || g.twins.first[first] != first {
			return false
		}
		if first != uint32(id) {
			g.twins.chain(pair{uint32(id), first}, g.dead)
		}
	}
	return true
}

// countLoose counts the rows that are gone but still have links.
func (g *Graph) countLoose() {
	g.loose = 0
	for id := range uint32(g.linked) {
		if g.gone(id) && len(g.of(id)) > 0 {
			g.loose++
		}
	}
}
