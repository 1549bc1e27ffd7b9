package index

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/columns"
)

// held is a segment with the places that no longer count, or nil: their documents
// went, or a later segment has them. Both are immutable.
type held struct {
	*segment
	dead *roaring.Bitmap
}

func (h held) count() int {
	n := h.docs.Len()
	if h.dead != nil {
		n -= int(h.dead.GetCardinality())
	}
	return n
}

// live returns the places that count. The caller must not change it.
func (h held) live() *roaring.Bitmap {
	if h.dead == nil {
		return h.docs.Bitmap()
	}
	return roaring.AndNot(h.docs.Bitmap(), h.dead)
}

const gone = ^uint32(0)

// mergeSegments makes one segment of several that have no live document in common.
func mergeSegments(segments []held) *segment {
	var ords []uint32
	for _, h := range segments {
		for _, place := range h.live().ToArray() {
			ords = append(ords, h.ordinal(place))
		}
	}
	slices.Sort(ords)
	s := newSegment(ords)
	names := map[string]bool{}
	moved := make([][]uint32, len(segments)) // new places by old ones
	for i, h := range segments {
		moved[i] = h.moveTo(s)
		for name := range h.fields {
			names[name] = true
		}
	}
	s.ids = mergeIDs(s, ords, segments, moved)
	s.build(names, func(name string, yield func(place uint32, v value)) {
		for i, h := range segments {
			for _, p := range h.fields[name] {
				p.each(func(place uint32, v value) {
					if at := moved[i][place]; at != gone {
						yield(at, v)
					}
				})
			}
		}
	})
	return s
}

// moveTo returns where the documents of h are in s, by their places in h.
func (h held) moveTo(s *segment) []uint32 {
	moved := make([]uint32, h.n)
	for i := range moved {
		moved[i] = gone
	}
	h.live().Iterate(func(place uint32) bool {
		moved[place], _ = s.place(h.ordinal(place))
		return true
	})
	return moved
}

// mergeIDs goes through the ids of all segments side by side.
func mergeIDs(s *segment, ords []uint32, segments []held, moved [][]uint32) *columns.Texts {
	from := make([]uint16, s.n) // which segment has the document of a place
	for i := range segments {
		for _, at := range moved[i] {
			if at != gone {
				from[at] = uint16(i)
			}
		}
	}
	readers := make([]*idReader, len(segments))
	for i, h := range segments {
		readers[i] = &idReader{h.ids.Cursor(0), h.docs.Bitmap().Iterator(), moved[i]}
	}
	var ids columns.TextBuilder
	for _, ord := range ords {
		at, _ := s.place(ord)
		ids.Add(readers[from[at]].next())
	}
	return ids.Texts()
}

// idReader goes through the ids of a segment's documents that moved.
type idReader struct {
	cursor *columns.Cursor
	places roaring.IntPeekable
	moved  []uint32
}

func (r *idReader) next() []byte {
	for r.places.HasNext() {
		id, ok := r.cursor.Next()
		if r.moved[r.places.Next()] != gone || !ok {
			return id
		}
	}
	return nil
}
