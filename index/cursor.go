package index

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// A cursor is where a page ended: after the hit with this rank and ordinal, among
// what there was after one write.
type cursor struct {
	seq   uint64
	query [8]byte // hash of what was asked for
	rank  float64 // the last hit's score, or what it was ordered by
	ord   uint32
	count uint64 // hits up to it
}

// A cursor as text is base64 of: a version byte, seq, query, rank's bits, ord and
// count in big-endian order, and the CRC-32C of all that.
const (
	cursorVersion = 1
	cursorBytes   = 1 + 8 + 8 + 8 + 4 + 8 + 4
)

var (
	// ErrCursor is returned for a cursor that is not one, or not of this query.
	ErrCursor = errors.New("index: the cursor does not fit")

	errNoCursor = fmt.Errorf("%w: it is damaged; take what an answer gave", ErrCursor)
)

func (c cursor) String() string {
	out := append(make([]byte, 0, cursorBytes), cursorVersion)
	out = binary.BigEndian.AppendUint64(out, c.seq)
	out = append(out, c.query[:]...)
	out = binary.BigEndian.AppendUint64(out, math.Float64bits(c.rank))
	out = binary.BigEndian.AppendUint32(out, c.ord)
	out = binary.BigEndian.AppendUint64(out, c.count)
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	return base64.RawURLEncoding.EncodeToString(out)
}

func parseCursor(text string) (c cursor, err error) {
	if len(text) != base64.RawURLEncoding.EncodedLen(cursorBytes) {
		return c, errNoCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion { // line ends are no bytes
		return c, errNoCursor
	}
	body, sum := b[:cursorBytes-4], b[cursorBytes-4:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(sum) {
		return c, errNoCursor
	}
	c.seq = binary.BigEndian.Uint64(body[1:])
	copy(c.query[:], body[9:])
	c.rank = math.Float64frombits(binary.BigEndian.Uint64(body[17:]))
	c.ord = binary.BigEndian.Uint32(body[25:])
	c.count = binary.BigEndian.Uint64(body[29:])
	return c, nil
}

// passed says whether a hit stands after the cursor.
func (c *cursor) passed(rank float64, ord uint32) bool {
	return c == nil || cmp.Or(cmp.Compare(c.rank, rank), cmp.Compare(ord, c.ord)) > 0
}

// pin is the state that a query asks about and where in the answer it begins.
type pin struct {
	seq   uint64  // 0 means the last that the search sees
	after *cursor // nil means the beginning
}

// pinOf reads a query's cursor. query is a hash of the query without its cursor.
func pinOf(text string, asOf uint64, query [8]byte) (pin, error) {
	if text == "" {
		return pin{seq: asOf}, nil
	}
	c, err := parseCursor(text)
	switch {
	case err != nil:
		return pin{}, err
	case c.query != query:
		return pin{}, fmt.Errorf("%w: it belongs to another query", ErrCursor)
	case asOf != 0 && asOf != c.seq:
		return pin{}, fmt.Errorf("%w: it continues as of %d, the query asks as of %d", ErrCursor, c.seq, asOf)
	}
	return pin{c.seq, &c}, nil
}

// count is how many hits come before the page.
func (p pin) count() uint64 {
	if p.after == nil {
		return 0
	}
	return p.after.count
}

// next is the cursor behind a page whose last hit is given.
func (p pin) next(query [8]byte, seq uint64, rank float64, ord uint32, hits int) string {
	return cursor{seq, query, rank, ord, p.count() + uint64(hits)}.String()
}

// hash tells queries apart: what they look for and in what order, not how much of
// it nor how thoroughly. Keep cannot be told.
func (q Query) hash() [8]byte {
	h := sha256.New()
	fmt.Fprintf(h, "search\x00%s\x00%s\x00", q.Space, q.Filter)
	h.Write(encodeVector(q.Vector))
	return [8]byte(h.Sum(nil))
}

func (s Selection) hash() [8]byte {
	h := sha256.New()
	fmt.Fprintf(h, "select\x00%s\x00%q", s.Filter, s.Newest)
	return [8]byte(h.Sum(nil))
}
