package columns

import (
	"encoding/binary"
)

// block is how many texts stand between two that are stored whole.
const block = 32

// Texts is a list of byte strings. Each is stored as how much of the one before it
// begins with, and the rest.
type Texts struct {
	n      int
	data   []byte
	blocks []uint64 // where each block of texts begins in data
}

// Len returns the number of texts.
func (t *Texts) Len() int { return t.n }

// A TextBuilder collects Texts.
type TextBuilder struct {
	texts Texts
	last  []byte
}

// Add appends a copy of s.
func (b *TextBuilder) Add(s []byte) {
	t := &b.texts
	shared := 0
	if t.n%block == 0 {
		t.blocks = append(t.blocks, uint64(len(t.data)))
	} else {
		shared = common(b.last, s)
	}
	t.data = binary.AppendUvarint(t.data, uint64(shared))
	t.data = binary.AppendUvarint(t.data, uint64(len(s)-shared))
	t.data = append(t.data, s[shared:]...)
	b.last = append(b.last[:0], s...)
	t.n++
}

func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Texts returns what was added. The builder is used up.
func (b *TextBuilder) Texts() *Texts {
	t := b.texts
	t.data, t.blocks = append([]byte(nil), t.data...), append([]uint64(nil), t.blocks...)
	return &t
}

// A Cursor goes through texts one after another.
type Cursor struct {
	texts *Texts
	at    int // in data
	i     int // of the next text
	text  []byte
}

// Cursor returns one that stands before text i, which may be Len.
func (t *Texts) Cursor(i int) *Cursor {
	c := &Cursor{texts: t, i: i - i%block}
	if i >= t.n {
		c.i = t.n
		return c
	}
	c.at = int(t.blocks[i/block])
	for c.i < i {
		c.Next()
	}
	return c
}

// Next returns the next text, valid until the call after it, and false at the end.
// Of texts that were not built here it returns what there is.
func (c *Cursor) Next() ([]byte, bool) {
	if c.i >= c.texts.n {
		return nil, false
	}
	data := c.texts.data
	var head [2]uint64
	for i := range head {
		if c.at < len(data) && data[c.at] < 0x80 { // most are short
			head[i] = uint64(data[c.at])
			c.at++
			continue
		}
		x, n := binary.Uvarint(data[min(c.at, len(data)):])
		if n <= 0 {
			c.i = c.texts.n
			return nil, false
		}
		head[i] = x
		c.at += n
	}
	shared, rest := head[0], head[1]
	if shared > uint64(len(c.text)) || rest > uint64(len(data)-c.at) {
		c.i = c.texts.n
		return nil, false
	}
	c.text = append(c.text[:shared], data[c.at:c.at+int(rest)]...)
	c.at += int(rest)
	c.i++
	return c.text, true
}

// Each calls f for the texts from from, to excluded, until it returns false. The
// text is f's until it returns.
func (t *Texts) Each(from, to int, f func(i int, s []byte) bool) {
	c := t.Cursor(from)
	for i := from; i < to; i++ {
		if s, ok := c.Next(); !ok || !f(i, s) {
			return
		}
	}
}

// At returns a copy of text i.
func (t *Texts) At(i int) string {
	s, _ := t.Cursor(i).Next()
	return string(s)
}

// Search returns the first text that f holds for, or Len; f holds for all texts
// after one that it holds for.
func (t *Texts) Search(f func(s []byte) bool) int {
	// First the block, by the whole texts that they begin with.
	from, to := 0, len(t.blocks)
	for from < to {
		mid := (from + to) / 2
		if s, _ := t.Cursor(mid * block).Next(); f(s) {
			to = mid
		} else {
			from = mid + 1
		}
	}
	first := max(0, from-1) * block
	c := t.Cursor(first)
	for ; first < t.n; first++ {
		if s, ok := c.Next(); !ok || f(s) {
			return first
		}
	}
	return t.n
}
