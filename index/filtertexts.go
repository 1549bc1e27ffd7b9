package index

import (
	"bytes"
	"math/bits"
	"path"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/columns"
)

// textDictionary holds texts that several documents share, or of which documents
// have several; they are in order.
type textDictionary struct {
	texts    *columns.Texts
	postings *columns.Postings
}

func (b *textDictionary) has() *roaring.Bitmap { return b.postings.All() }
func (b *textDictionary) cost() int            { return 0 }

func (b *textDictionary) find(c *condition, _ *roaring.Bitmap) *roaring.Bitmap {
	if c.op == opNear {
		return roaring.New()
	}
	if len(c.values) == 1 && c.ordered() {
		from, to := b.span(c.op, c.values[0])
		return b.postings.Between(from, to)
	}
	test, cursor := c.textTest(), b.texts.Cursor(0)
	return b.postings.Of(func(int) bool {
		s, ok := cursor.Next()
		return ok && test(s)
	})
}

// ordered says whether texts that the comparison holds for stand side by side.
func (c *condition) ordered() bool {
	return c.op != opHas && c.op != opIn && !(equality(c.op) && c.values[0].pattern != nil)
}

// span returns the texts that a literal holds for.
func (b *textDictionary) span(op string, l literal) (from, to int) {
	least := func(more int) int {
		return b.texts.Search(func(s []byte) bool { return bytes.Compare(s, []byte(l.plain)) >= more })
	}
	switch op {
	case "<":
		return 0, least(0)
	case "<=":
		return 0, least(1)
	case ">":
		return least(1), b.texts.Len()
	case ">=":
		return least(0), b.texts.Len()
	}
	return least(0), least(1)
}

func (b *textDictionary) each(yield func(place uint32, v value)) {
	b.texts.Each(0, b.texts.Len(), func(i int, s []byte) bool {
		v := value{kind: text, text: textOf(s)}
		b.postings.Each(i, func(place uint32) { yield(place, v) })
		return true
	})
}

func (b *textDictionary) count(set *roaring.Bitmap, yield func(v value, n int)) {
	b.texts.Each(0, b.texts.Len(), func(i int, s []byte) bool {
		if n := b.postings.CountIn(i, set); n > 0 {
			yield(value{kind: text, text: textOf(s)}, n)
		}
		return true
	})
}

// textColumn holds texts that are nearly all different, one a document.
type textColumn struct {
	texts   *columns.Texts
	holders columns.Holders
}

func (b *textColumn) has() *roaring.Bitmap { return copyOf(b.holders.Bitmap()) }
func (b *textColumn) cost() int            { return 2 }

func (b *textColumn) find(c *condition, within *roaring.Bitmap) *roaring.Bitmap {
	if c.op == opNear {
		return roaring.New()
	}
	return b.try(c.textTest(), within)
}

// scanTexts is how many texts are worth another core.
const scanTexts = 1 << 15

// try returns the places whose texts pass a test.
func (b *textColumn) try(test func(s []byte) bool, within *roaring.Bitmap) *roaring.Bitmap {
	if within != nil && within.GetCardinality()*32 < uint64(b.holders.N) {
		return b.tryFew(test, within)
	}
	n := b.texts.Len()
	words := make([]uint64, (n+63)/64)
	workers := min(runtime.GOMAXPROCS(0), n/scanTexts+1)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			from, to := len(words)*w/workers*64, min(len(words)*(w+1)/workers*64, n)
			b.texts.Each(from, to, func(i int, s []byte) bool {
				if test(s) {
					words[i/64] |= 1 << (i % 64)
				}
				return true
			})
		})
	}
	wg.Wait()
	return b.holders.Places(words)
}

func (b *textColumn) tryFew(test func(s []byte) bool, within *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	within.Iterate(func(place uint32) bool {
		if i, ok := b.holders.Index(place); ok {
			if s, ok := b.texts.Cursor(i).Next(); ok && test(s) {
				out.Add(place)
			}
		}
		return true
	})
	return out
}

func (b *textColumn) each(yield func(place uint32, v value)) {
	cursor := b.texts.Cursor(0)
	b.holders.Each(func(_ int, place uint32) {
		if s, ok := cursor.Next(); ok {
			yield(place, value{kind: text, text: textOf(s)})
		}
	})
}

// mostCounted is how many different values of a column are counted.
const mostCounted = 1 << 16

func (b *textColumn) count(set *roaring.Bitmap, yield func(v value, n int)) {
	in := make([]uint64, (b.texts.Len()+63)/64)
	n := 0
	eachOf(b.holders, set, func(i int, _ uint32) {
		if n++; n <= mostCounted {
			in[i/64] |= 1 << (i % 64)
		}
	})
	for w, word := range in {
		if word == 0 {
			continue
		}
		end := min(w*64+64-bits.LeadingZeros64(word), b.texts.Len())
		b.texts.Each(w*64, end, func(i int, s []byte) bool {
			if word>>(i%64)&1 != 0 {
				yield(value{kind: text, text: textOf(s)}, 1)
			}
			return true
		})
	}
}

// baseName is what path.Base says of an id with slashes.
func baseName(id []byte) []byte {
	if filepath.Separator != '/' {
		return []byte(path.Base(filepath.ToSlash(string(id))))
	}
	if n := len(id); n == 0 || id[n-1] == '/' {
		return []byte(path.Base(string(id)))
	}
	return id[bytes.LastIndexByte(id, '/')+1:]
}

func slashed(id []byte) []byte {
	if filepath.Separator != '/' {
		return []byte(filepath.ToSlash(string(id)))
	}
	return id
}
