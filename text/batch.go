package text

import "slices"

// batch is texts laid out side by side.
type batch struct {
	n, length int
	ids       []int32 // (B, L)
	places    []int32 // (B, L) rows of the table of positions; nil: 0, 1, 2, …
	lens      []int32 // (B) how many tokens of each text are seen; nil: all
	pooled    []int32 // the row of each text that stands for it
}

// batch lays texts out and finds what to pool.
func (c config) batch(texts [][]int32) batch {
	if c.blind {
		return c.ragged(texts)
	}
	at := make([]int, len(texts))
	b := batch{n: len(texts), length: c.positions}
	for i, ids := range texts {
		at[i] = c.position(ids)
	}
	if c.trims() {
		b.length = slices.Max(at) + 1
	}
	b.ids = make([]int32, b.n*b.length)
	b.pooled = make([]int32, b.n)
	for i, ids := range texts {
		row := b.ids[i*b.length:][:b.length]
		for j := range row {
			switch {
			case j < len(ids):
				row[j] = ids[j]
			case !c.trims():
				row[j] = int32(c.pad)
			}
		}
		b.pooled[i] = int32(i*b.length + at[i])
	}
	return b
}

// position is the place in a text that is pooled.
func (c config) position(ids []int32) int {
	switch c.pool {
	case poolMax:
		return slices.Index(ids, slices.Max(ids))
	case poolEOS:
		return max(slices.Index(ids, int32(c.eos)), 0)
	case poolLast:
		return c.positions - 1
	}
	return 0
}

// ragged lays texts out for a model that does not see some of the positions, such
// as padding. As nothing reads them, they are left out; the others keep their
// places in the table of positions.
func (c config) ragged(texts [][]int32) batch {
	b := batch{n: len(texts)}
	kept := make([][]int32, len(texts)) // places of the text that are seen
	for i, ids := range texts {
		kept[i] = c.seen(ids)
		b.length = max(b.length, len(kept[i])+c.tail())
	}
	b.ids, b.places = make([]int32, b.n*b.length), make([]int32, b.n*b.length)
	b.lens, b.pooled = make([]int32, b.n), make([]int32, b.n)
	for i, ids := range texts {
		row := i * b.length
		for j, at := range kept[i] {
			b.ids[row+j], b.places[row+j] = int32(c.pad), at
			if int(at) < len(ids) {
				b.ids[row+j] = ids[at]
			}
			if !c.class && c.theta == 0 { // positions are counted without what is not seen
				b.places[row+j] = int32(j)
			}
		}
		b.lens[i], b.pooled[i] = int32(len(kept[i])), int32(row)
		if c.class {
			b.pooled[i] += b.lens[i]
			if len(ids) == c.positions && int(ids[len(ids)-1]) != c.pad {
				b.lens[i]++
			}
		}
	}
	return b
}

// tail is the number of learned tokens that follow a text.
func (c config) tail() int {
	if c.class {
		return 1
	}
	return 0
}

// seen lists the places of a text that the model sees. RoBERTa sees what is not
// padding. CoCa was trained with a mask that is one place off, which is part of the
// model now: it sees the first place and each that follows a token other than
// padding; whether the class token, at the end, sees itself is up to the last one.
func (c config) seen(ids []int32) []int32 {
	var at []int32
	for j := range min(len(ids)+c.tail(), c.positions) {
		k := j - c.tail()
		if k < 0 || int(ids[k]) != c.pad {
			at = append(at, int32(j))
		}
	}
	return at
}
