package columns

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
)

// ErrDamaged says that bytes are not what was written.
var ErrDamaged = errors.New("columns: the file is damaged or of another kind")

// An Encoder collects bytes.
type Encoder struct{ Data []byte }

// Uint appends a number.
func (e *Encoder) Uint(x uint64) { e.Data = binary.AppendUvarint(e.Data, x) }

// Bytes appends bytes with their length.
func (e *Encoder) Bytes(b []byte) {
	e.Uint(uint64(len(b)))
	e.Data = append(e.Data, b...)
}

// String appends a text.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.Data = append(e.Data, s...)
}

// Float appends a float64.
func (e *Encoder) Float(x float64) {
	e.Data = binary.LittleEndian.AppendUint64(e.Data, math.Float64bits(x))
}

// Uint32s appends a list.
func (e *Encoder) Uint32s(list []uint32) {
	e.Uint(uint64(len(list)))
	for _, x := range list {
		e.Data = binary.LittleEndian.AppendUint32(e.Data, x)
	}
}

// Bitmap appends a bitmap, which may be nil.
func (e *Encoder) Bitmap(b *roaring.Bitmap) {
	if b == nil {
		e.Uint(0)
		return
	}
	e.Uint(b.GetSerializedSizeInBytes())
	data, _ := b.ToBytes() // writing to memory does not fail
	e.Data = append(e.Data, data...)
}

// Texts appends texts.
func (e *Encoder) Texts(t *Texts) {
	e.Uint(uint64(t.n))
	e.Bytes(t.data)
	var before uint64
	for _, at := range t.blocks {
		e.Uint(at - before)
		before = at
	}
}

// Numbers appends numbers.
func (e *Encoder) Numbers(b *Numbers) {
	e.Uint(uint64(b.n))
	e.Uint(uint64(b.width))
	e.Bytes(b.data)
}

// Holders appends holders.
func (e *Encoder) Holders(h Holders) {
	e.Uint(uint64(h.N))
	e.Bitmap(h.Set)
}

// Postings appends postings.
func (e *Encoder) Postings(p *Postings) {
	e.Uint(uint64(p.n))
	e.Uint32s(p.start)
	e.Uint32s(p.items)
	e.Uint(uint64(len(p.large)))
	for _, v := range p.inOrder() {
		e.Uint(uint64(v))
		e.Bitmap(p.large[v])
	}
}

// A Decoder reads what an Encoder wrote. After the first mistake it returns empty
// values, and Err says so. It allocates little more than the bytes have.
type Decoder struct {
	data []byte
	err  error
}

// NewDecoder reads data, which must not change.
func NewDecoder(data []byte) *Decoder { return &Decoder{data: data} }

// Err returns ErrDamaged if something was wrong.
func (d *Decoder) Err() error { return d.err }

// End says that everything has been read; if not, that is a mistake.
func (d *Decoder) End() error {
	if len(d.data) > 0 {
		d.Fail()
	}
	return d.err
}

// Fail notes a mistake.
func (d *Decoder) Fail() { d.err, d.data = ErrDamaged, nil }

// Uint reads a number.
func (d *Decoder) Uint() uint64 {
	x, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.data = d.data[n:]
	return x
}

// Count reads a number of things of which each takes at least size bytes.
func (d *Decoder) Count(size int) int {
	n := d.Uint()
	if n > uint64(len(d.data)/size) {
		d.Fail()
		return 0
	}
	return int(n)
}

// Below reads a number that is less than n.
func (d *Decoder) Below(n uint64) int {
	x := d.Uint()
	if x >= n {
		d.Fail()
		return 0
	}
	return int(x)
}

// Places reads how many places there are: not more than ordinals.
func (d *Decoder) Places() int { return d.Below(1 << 32) }

func (d *Decoder) take(n int) []byte {
	if n < 0 || n > len(d.data) {
		d.Fail()
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// Bytes reads bytes.
func (d *Decoder) Bytes() []byte { return d.take(d.Count(1)) }

// String reads a text.
func (d *Decoder) String() string { return string(d.Bytes()) }

// Float reads a float64.
func (d *Decoder) Float() float64 {
	if b := d.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Uint32s reads a list.
func (d *Decoder) Uint32s() []uint32 {
	out := make([]uint32, d.Count(4))
	b := d.take(4 * len(out))
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

// Bitmap reads a bitmap of places below n, or nil.
func (d *Decoder) Bitmap(n int) *roaring.Bitmap {
	data := d.Bytes()
	if len(data) == 0 {
		return nil
	}
	b := roaring.New()
	used, err := b.FromBuffer(data)
	if err != nil || used != int64(len(data)) || b.Validate() != nil || !b.IsEmpty() && int64(b.Maximum()) >= int64(n) {
		d.Fail()
		return nil
	}
	return b
}

// Texts reads texts. What they hold is not checked beyond what keeps a reader in
// bounds.
func (d *Decoder) Texts() *Texts {
	t := &Texts{n: d.Places()}
	t.data = d.Bytes()
	blocks := (t.n + block - 1) / block
	if t.n > len(t.data)/2 || blocks > len(d.data) {
		d.Fail()
		return &Texts{}
	}
	t.blocks = make([]uint64, blocks)
	var at uint64
	for i := range t.blocks {
		at += d.Uint()
		if at >= uint64(len(t.data)) {
			d.Fail()
			return &Texts{}
		}
		t.blocks[i] = at
	}
	return t
}

// Numbers reads numbers.
func (d *Decoder) Numbers() *Numbers {
	b := &Numbers{n: d.Places(), width: d.Below(9)}
	b.data = d.Bytes()
	if b.width&(b.width-1) != 0 || b.n*b.width != len(b.data) {
		d.Fail()
		return &Numbers{}
	}
	return b
}

// Holders reads holders of n places with entries for count of them.
func (d *Decoder) Holders(n, count int) Holders {
	if d.Places() != n {
		d.Fail()
	}
	h := Holders{n, d.Bitmap(n)}
	if d.err == nil && h.Len() != count {
		d.Fail()
	}
	if d.err != nil {
		return Holders{}
	}
	return h
}

// Postings reads postings of values among n places.
func (d *Decoder) Postings(values, n int) *Postings {
	if d.Places() != n {
		d.Fail()
	}
	p := &Postings{n: n, start: d.Uint32s(), items: d.Uint32s(), large: map[uint32]*roaring.Bitmap{}}
	for range d.Count(2) {
		v := d.Below(uint64(max(values, 0)))
		b := d.Bitmap(n)
		if b == nil {
			d.Fail()
			break
		}
		p.large[uint32(v)] = b
	}
	if d.err != nil || !p.sound(values) {
		d.Fail()
		return &Postings{start: []uint32{0}}
	}
	return p
}

// sound says whether all that p refers to is there.
func (p *Postings) sound(values int) bool {
	if len(p.start) != values+1 || p.start[0] != 0 || int(p.start[values]) != len(p.items) {
		return false
	}
	for v := range values {
		if p.start[v] > p.start[v+1] {
			return false
		}
	}
	for _, place := range p.items {
		if int64(place) >= int64(p.n) {
			return false
		}
	}
	return true
}
