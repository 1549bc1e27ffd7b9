package words

import (
	"context"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	api "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum"
	zap "github.com/blevesearch/zapx/v17"
)

// hearing collects what the documents of one segment say about one clause.
type hearing struct {
	ctx     context.Context
	uses    [][fields]float32 // by document number; zero but for the touched
	touched []uint32

	posts api.PostingsIterator // reused; lists are not: an absent term breaks a used one
}

// grow makes room for a segment.
func (h *hearing) grow(docs int) {
	if len(h.uses) < docs {
		h.uses = make([][fields]float32, docs)
	}
}

// heardIn is a document that a clause is heard in.
type heardIn struct {
	doc uint32
	x   float64
}

// take returns what was heard, by document, and clears it away.
func (h *hearing) take() []heardIn {
	if !slices.IsSorted(h.touched) { // of one list
		slices.Sort(h.touched)
	}
	out := make([]heardIn, len(h.touched))
	for i, doc := range h.touched {
		out[i] = heardIn{doc, heard(&h.uses[doc])}
		h.uses[doc] = [fields]float32{}
	}
	h.touched = h.touched[:0]
	return out
}

func (h *hearing) note(doc uint32, f Field, u float32) {
	have := &h.uses[doc]
	if *have == ([fields]float32{}) {
		h.touched = append(h.touched, doc)
	}
	have[f] = max(have[f], u)
}

// hear finds a clause in a segment, without the hidden documents.
func (h *hearing) hear(s *segment, hidden *roaring.Bitmap, c *clause) error {
	for f := range fields {
		dict, err := s.zap.Dictionary(fieldName[f])
		if err != nil {
			return err
		}
		for _, t := range c.terms {
			if err := h.term(dict, []byte(t.text), hidden, f, t.weight); err != nil {
				return err
			}
		}
		if c.phrase != nil {
			err = h.phrase(dict, hidden, f, c.phrase)
		}
		if c.prefix && err == nil {
			err = h.dictionary(dict, vellum.Automaton(&vellum.AlwaysMatch{}), []byte(c.text), afterText(c.text), hidden, f, c)
		}
		if c.fuzzy != nil && err == nil {
			err = h.dictionary(dict, c.fuzzy, []byte{firstLetter}, nil, hidden, f, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// afterText is the end of the range of words that begin with text.
func afterText(text string) []byte { return append([]byte(text), 0xff) }

// dictionary looks up all words that an automaton accepts.
func (h *hearing) dictionary(dict api.TermDictionary, a vellum.Automaton, from, to []byte, hidden *roaring.Bitmap, f Field, c *clause) error {
	it := dict.AutomatonIterator(a, from, to)
	for {
		entry, err := it.Next()
		if err != nil || entry == nil {
			return err
		}
		if weight := c.loose(entry.Term); weight > 0 {
			if err := h.term(dict, []byte(entry.Term), hidden, f, weight); err != nil {
				return err
			}
		}
	}
}

// heedContext is how many postings are read between two looks at the context.
const heedContext = 1 << 14

func (h *hearing) term(dict api.TermDictionary, text []byte, hidden *roaring.Bitmap, f Field, weight float64) error {
	list, err := dict.PostingsList(text, hidden, nil)
	if err != nil {
		return err
	}
	h.posts = list.Iterator(true, true, false, h.posts)
	for n := 0; ; n++ {
		p, err := h.posts.Next()
		if err != nil || p == nil {
			return err
		}
		if n%heedContext == 0 && h.ctx.Err() != nil {
			return context.Cause(h.ctx)
		}
		h.note(uint32(p.Number()), f, use(weight, int(p.Frequency()), lengthOf(p), f))
	}
}

// lengthOf is the number of words of the field that a posting is of.
func lengthOf(p api.Posting) int { return int(math.Round(1 / (p.Norm() * p.Norm()))) }

// phrase finds words that stand one after another.
func (h *hearing) phrase(dict api.TermDictionary, hidden *roaring.Bitmap, f Field, phrase []string) error {
	var all *roaring.Bitmap
	its := make([]api.PostingsIterator, len(phrase))
	for i, word := range phrase {
		list, err := dict.PostingsList([]byte(word), hidden, nil)
		if err != nil {
			return err
		}
		its[i] = list.Iterator(true, true, true, nil)
		docs := roaring.New()
		if l, ok := list.(*zap.PostingsList); ok {
			l.OrInto(docs)
		}
		if all == nil {
			all = docs
		} else {
			all.And(docs)
		}
	}
	if hidden != nil {
		all.AndNot(hidden)
	}
	at := make([][]int, len(phrase))
	for docs := all.Iterator(); docs.HasNext(); {
		doc := docs.Next()
		length := 0
		for i, it := range its {
			p, err := it.Advance(uint64(doc))
			if err != nil {
				return err
			}
			length, at[i] = lengthOf(p), at[i][:0]
			for _, l := range p.Locations() {
				at[i] = append(at[i], int(l.Pos()))
			}
		}
		if n := inRow(at); n > 0 {
			h.note(doc, f, use(1, n, length, f))
		}
		if h.ctx.Err() != nil {
			return context.Cause(h.ctx)
		}
	}
	return nil
}
