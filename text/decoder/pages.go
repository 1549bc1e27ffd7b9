package decoder

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"

	"github.com/emblem-search/emblem/internal/tensor"
)

// pageSize is the number of tokens of a page: what sequences share is counted in it.
const pageSize = 16

// key names what a page holds: its tokens and all before them, by their hash.
type key [sha256.Size]byte

// pages keeps keys and values of tokens in pages. Sequences that begin with the same
// tokens hold the same pages; a page that nobody holds keeps what it has until the
// room is needed, the longest unused first. It is for one goroutine.
type pages struct {
	store []tensor.Tensor // for each layer (N, pageSize, 2·KV·D): keys, then values
	all   []page
	free  *list.List // of pages that nobody holds, the longest unused first
	known map[key]int32
}

type page struct {
	users int
	key   *key          // what it holds, once it is full
	idle  *list.Element // its place in free
}

// newPages makes room for n pages of a decoder.
func newPages(pool *tensor.Pool, c config, d tensor.DType, n int) (*pages, error) {
	_, kv := c.columns()
	p := &pages{all: make([]page, n), free: list.New(), known: map[key]int32{}}
	for range c.layers {
		t, err := pool.New(d, n, pageSize, 2*kv)
		if err != nil {
			return nil, err
		}
		p.store = append(p.store, t)
	}
	for i := range p.all {
		p.all[i].idle = p.free.PushBack(int32(i))
	}
	return p, nil
}

// idle is the number of pages that nobody holds.
func (p *pages) idle() int { return p.free.Len() }

// take returns an empty page, or false where there is none.
func (p *pages) take() (int32, bool) {
	e := p.free.Front()
	if e == nil {
		return 0, false
	}
	i := p.free.Remove(e).(int32)
	if k := p.all[i].key; k != nil {
		delete(p.known, *k)
	}
	p.all[i] = page{users: 1}
	return i, true
}

// find returns the page that holds what k names, if there is one, for one more user.
func (p *pages) find(k key) (int32, bool) {
	i, ok := p.known[k]
	if !ok {
		return 0, false
	}
	if p.all[i].users++; p.all[i].users == 1 {
		p.free.Remove(p.all[i].idle)
	}
	return i, true
}

// name says what a full page holds. Of two that hold the same the first is found.
func (p *pages) name(i int32, k key) {
	if _, ok := p.known[k]; !ok {
		p.known[k], p.all[i].key = i, &k
	}
}

// drop takes one user from each page. The last ones go first, so that beginnings, which
// more sequences share, stay longer.
func (p *pages) drop(list []int32) {
	for n := len(list) - 1; n >= 0; n-- {
		i := list[n]
		if p.all[i].users--; p.all[i].users == 0 {
			p.all[i].idle = p.free.PushBack(i)
		}
	}
}

// next is the name of a page that follows one of the given name and holds tokens lo
// to hi of a sequence.
func (k key) next(c config, q *sequence, lo, hi int) key {
	b := append([]byte(nil), k[:]...)
	for at := lo; at < hi; at++ {
		if in, row := q.insert(c.width, at); in != nil { // whatever the token is
			b = append(append(b, 1), in.Key[:]...)
			b = binary.LittleEndian.AppendUint32(b, uint32(row))
		} else {
			b = binary.LittleEndian.AppendUint32(append(b, 0), uint32(q.ids[at]))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(q.span(c, at)))
	}
	return sha256.Sum256(b)
}

// origin is the name before the first page's: of what the source is.
func origin(source []int32) key {
	b := []byte("source")
	for _, id := range source {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return sha256.Sum256(b)
}
