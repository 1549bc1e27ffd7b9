package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// A VerifyReport is what Verify looked at and what it found wrong.
type VerifyReport struct {
	Seq       uint64 // the write up to which the truth was looked at
	Documents int
	Vectors   int // those of ended documents too
	Past      int // earlier versions of documents
	Writes    int // in the change log

	// Findings say in words what is wrong with the truth, the first of them if there
	// are very many: nothing else than restoring a backup mends it.
	Findings []string
	More     int // findings that are not listed

	// Derived says what is wrong with derived files. Searches go on without them, and
	// they are made anew in the background, or by Rebuild.
	Derived []string
}

// Sound says whether nothing was found.
func (r VerifyReport) Sound() bool { return len(r.Findings)+len(r.Derived) == 0 }

const mostFindings = 1000

// Verify reads all of one state and all derived files, and tells of everything that
// is not as it should be. Writes and searches go on meanwhile. The error is that of
// reading, or the context's.
func (ix *Index) Verify(ctx context.Context) (VerifyReport, error) {
	leave, err := ix.enter()
	if err != nil {
		return VerifyReport{}, err
	}
	defer leave()
	ix.write.Lock() // schema and state of one moment
	snap, schema := ix.db.NewSnapshot(), ix.view.Load().schema
	ix.write.Unlock()
	defer snap.Close()
	c := &checker{ctx: ctx, r: snap, schema: schema, ended: map[uint32]uint64{}, spaces: map[string][]uint32{}}
	if err := c.check(); err != nil {
		return c.report, err
	}
	for _, l := range ix.legs() {
		findings, err := l.verify(ctx)
		if err != nil {
			return c.report, err
		}
		for _, f := range findings {
			c.report.Derived = append(c.report.Derived, l.name+": "+f)
		}
	}
	return c.report, nil
}

// checker goes through one state.
type checker struct {
	ctx    context.Context
	r      pebble.Reader
	schema []Space
	report VerifyReport

	next    uint32
	oldest  uint64
	horizon horizon
	ended   map[uint32]uint64   // sequence by ordinal
	spaces  map[string][]uint32 // by space, how many vectors each ordinal should have
}

func (c *checker) say(format string, args ...any) {
	if len(c.report.Findings) == mostFindings {
		c.report.More++
		return
	}
	c.report.Findings = append(c.report.Findings, fmt.Sprintf(format, args...))
}

func (c *checker) check() error {
	for _, step := range []func() error{c.counters, c.checkEnded, c.documents, c.ids, c.hidden, c.past, c.was, c.turns, c.log, c.vectors} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for the keys under prefix, whose length after it is size if that is
// not negative.
func (c *checker) each(prefix string, size int, f func(rest, value []byte) error) error {
	n := 0
	return eachIn(c.r, []byte(prefix), after([]byte(prefix)), func(key, value []byte) error {
		if n++; n%1024 == 0 && c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		rest := key[len(prefix):]
		if size >= 0 && len(rest) != size {
			c.say("the key %q has %d bytes after %s, not %d", key, len(rest), prefix, size)
			return nil
		}
		return f(rest, value)
	})
}

func (c *checker) counters() error {
	numbers := map[string]uint64{keySeq: 0, keyNext: 0, keyOldest: 0}
	for key := range numbers {
		n, err := counterOf(c.r, key)
		if err != nil {
			c.say("%v", err)
		}
		numbers[key] = n
	}
	c.report.Seq, c.oldest = numbers[keySeq], max(numbers[keyOldest], 1)
	if numbers[keyNext] > math.MaxUint32 {
		c.say("%s is %d, which is no ordinal", keyNext, numbers[keyNext])
	}
	c.next = uint32(numbers[keyNext])
	var err error
	if c.horizon, err = horizonOf(c.r); err != nil {
		c.say("%v", err)
	}
	if c.oldest > c.report.Seq+1 {
		c.say("the change log begins at %d, the last write is %d", c.oldest, c.report.Seq)
	}
	if c.horizon.seq > c.report.Seq || c.horizon.next > c.next {
		c.say("the past begins at write %d with ordinal %d, the last write is %d and the next ordinal %d", c.horizon.seq, c.horizon.next, c.report.Seq, c.next)
	}
	return nil
}

func (c *checker) checkEnded() error {
	return c.each(prefixEnd, 4, func(rest, value []byte) error {
		ord := ordinalAt(rest, 0)
		if len(value) != 8 {
			c.say("the end of ordinal %d is damaged", ord)
			return nil
		}
		seq := binary.BigEndian.Uint64(value)
		if c.ended[ord] = seq; seq > c.report.Seq || seq <= c.horizon.seq || ord >= c.next {
			c.say("ordinal %d ended with write %d, which is not of the past that is kept", ord, seq)
		}
		stored, err := read(c.r, pastKey(ord, seq))
		if err != nil {
			c.say("what ordinal %d was when write %d ended it is missing", ord, seq)
			return nil
		}
		if rec, _, err := decodePast(stored); err == nil {
			c.expect(ord, rec)
		}
		return nil
	})
}

// expect notes how many vectors an ordinal has.
func (c *checker) expect(ord uint32, rec record) {
	if ord >= c.next {
		return
	}
	for _, s := range c.schema {
		n := rec.Spaces[s.Name]
		if n == 0 {
			continue
		}
		if c.spaces[s.Name] == nil {
			c.spaces[s.Name] = make([]uint32, c.next)
		}
		c.spaces[s.Name][ord] = uint32(n)
	}
}

func (c *checker) documents() error {
	return c.each(prefixDoc, 4, func(rest, value []byte) error {
		ord := ordinalAt(rest, 0)
		c.report.Documents++
		rec, err := decodeRecord(value)
		if err != nil {
			c.say("ordinal %d: %v", ord, err)
			return nil
		}
		if err := checkMetadata(rec.Metadata); err != nil {
			c.say("document %q: %v", rec.ID, err)
		}
		if ord >= c.next {
			c.say("document %q has ordinal %d, which is not given yet", rec.ID, ord)
		}
		if _, ok := c.ended[ord]; ok {
			c.say("document %q is there, but its ordinal %d ended", rec.ID, ord)
		}
		if have, err := ordinalOf(c.r, rec.ID); err != nil || have != ord {
			c.say("document %q has ordinal %d, its id leads to %d (%v)", rec.ID, ord, have, err)
		}
		c.expect(ord, rec)
		return nil
	})
}

func (c *checker) ids() error {
	return c.each(prefixID, -1, func(rest, value []byte) error {
		if err := checkID(string(rest)); err != nil || len(value) != 4 {
			c.say("the id %q is damaged", rest)
			return nil
		}
		ord := ordinalAt(value, 0)
		if rec, _, err := recordOf(c.r, ord); err != nil || rec.ID != string(rest) {
			c.say("the id %q leads to ordinal %d, which is %q (%v)", rest, ord, rec.ID, err)
		}
		return nil
	})
}

func (c *checker) hidden() error {
	return c.each(prefixHid, 4, func(rest, _ []byte) error {
		ord := ordinalAt(rest, 0)
		if there, err := has(c.r, docKey(ord)); err != nil || !there {
			c.say("ordinal %d is hidden, but no document", ord)
		}
		return nil
	})
}

// vectors compares what there is with what records count.
func (c *checker) vectors() error {
	if err := c.strays(); err != nil {
		return err
	}
	for _, s := range c.schema {
		want := c.spaces[s.Name]
		vec := make([]float32, s.Dim)
		seen := make([]uint32, len(want))
		err := c.each(string(spacePrefix(s.Name)), 6, func(rest, value []byte) error {
			c.report.Vectors++
			ord, i := ordinalAt(rest, 0), uint32(binary.BigEndian.Uint16(rest[4:]))
			if int(ord) >= len(want) || i >= want[ord] {
				c.say("space %q has vector %d of ordinal %d, which its document does not count", s.Name, i, ord)
				return nil
			}
			seen[ord]++
			if !decodeVector(vec, value) {
				c.say("space %q: vector %d of ordinal %d has %d bytes, not %d", s.Name, i, ord, len(value), 4*s.Dim)
			} else if !s.holds(vec) {
				c.say("space %q: vector %d of ordinal %d is not one that the space takes", s.Name, i, ord)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for ord, n := range want {
			if seen[ord] != n {
				c.say("ordinal %d has %d vectors in space %q, its document counts %d", ord, seen[ord], s.Name, n)
			}
		}
	}
	return nil
}

// strays looks for vectors in spaces that are not defined: between those of the spaces
// that are.
func (c *checker) strays() error {
	var known [][]byte
	for _, s := range c.schema {
		known = append(known, spacePrefix(s.Name))
	}
	slices.SortFunc(known, bytes.Compare)
	from := []byte(prefixVec)
	for _, to := range append(known, after(from)) {
		err := eachIn(c.r, from, to, func(key, _ []byte) error {
			c.say("there is a vector under %q, in no space that is defined", key)
			return c.ctx.Err()
		})
		if err != nil {
			return err
		}
		from = after(to)
	}
	return nil
}

// holds says whether a stored vector is as prepare makes them.
func (s Space) holds(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return false
	}
	return s.Metric != Cosine || math.Abs(sum-1) < 1e-5
}
