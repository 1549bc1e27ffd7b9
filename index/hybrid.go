package index

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/emblem-search/emblem/internal/words"
)

// composed says whether the query is more than one ranking by one vector.
func (q *Query) composed() bool {
	return q.Words != "" || len(q.Like)+len(q.Unlike) > 0 || q.Floor != 0 || q.Collapse != 0 || q.Diversity != 0 || q.GroupBy != "" ||
		q.Highlight > 0 || len(q.Facets) > 0
}

func (q *Query) check() error {
	switch {
	case !(q.Diversity >= 0 && q.Diversity <= 1):
		return fmt.Errorf("index: diversity %v; use 0 to 1", q.Diversity)
	case !(q.Collapse >= 0 && q.Collapse <= 1):
		return fmt.Errorf("index: hits collapse from a cosine of %v on; use 0 to 1", q.Collapse)
	case q.Words == "" && !q.looks():
		return errors.New("index: a query has a vector, words or documents to be like")
	}
	return q.Fusion.check()
}

// looks says whether vectors are compared.
func (q *Query) looks() bool { return q.Vector != nil || len(q.Like) > 0 }

// compose answers a query with several legs, or with more to do than to rank.
func (ix *Index) compose(ctx context.Context, q Query) (Found, error) {
	if err := q.check(); err != nil {
		return Found{}, err
	}
	said, err := words.Parse(q.Words, q.Typing)
	if err != nil {
		return Found{}, err
	}
	q.Limit = cmp.Or(q.Limit, 10)
	p, err := pinOf(q.Cursor, q.AsOf, q.hashAll())
	if err != nil {
		return Found{}, err
	}
	if err := ix.await(ctx, q.AtLeast); err != nil {
		return Found{}, err
	}
	leave, err := ix.enter()
	if err != nil {
		return Found{}, err
	}
	defer leave()
	c := composer{ix: ix, q: q, said: said, pin: p, window: q.Fusion.window(q.Limit)}
	return c.answer(ctx)
}

// hashAll tells composed queries apart. What functions do cannot be told.
func (q Query) hashAll() [8]byte {
	h := sha256.New()
	plain := q.hash()
	h.Write(plain[:])
	f := q.Fusion
	fmt.Fprintf(h, "%q %v %s %v %v %d %v %q %q %v %v %q", q.Words, q.Typing, cmp.Or(f.Method, RRF), f.Weights, cmp.Or(f.K, 60), f.window(q.Limit),
		q.Floor, q.Like, q.Unlike, q.Collapse, q.Diversity, q.GroupBy)
	return [8]byte(h.Sum(nil))
}

// composer answers one query about one moment.
type composer struct {
	ix     *Index
	q      Query
	said   words.Query
	pin    pin
	window int  // hits of each leg
	wide   bool // no narrower look is enough

	v      *view
	s      Space    // of the vectors
	known  *capture // of words
	m      *moment
	passed *roaring.Bitmap // what passes the filter; nil without one
	like   []uint32        // examples, which are not found
	found  Found
	spoken *roaring.Bitmap // all documents with the words, for facets
}

// answer looks at more and more of the legs' hits until there are as many as asked for,
// or no more.
func (c *composer) answer(ctx context.Context) (Found, error) {
	for {
		enough, err := c.attempt(ctx)
		if err != nil || enough {
			return c.found, err
		}
		if c.narrow() {
			c.wide = true
		} else {
			c.window *= 4
		}
	}
}

// attempt makes an answer of as many hits of each leg as the window says. It is not
// enough if there are fewer hits than there may be.
func (c *composer) attempt(ctx context.Context) (enough bool, err error) {
	if err := c.begin(ctx); err != nil {
		return false, err
	}
	if c.known != nil {
		defer c.known.close()
	}
	near, err := c.vector(ctx)
	if err != nil {
		return false, err
	}
	snap := c.ix.db.NewSnapshot()
	defer snap.Close()
	if c.m, err = momentOf(snap, c.pin.seq); err != nil {
		return false, err
	}
	list, more, err := c.fused(ctx, near)
	if err != nil {
		return false, err
	}
	if c.narrow() && slices.ContainsFunc(c.found.Legs, func(l LegReport) bool { return l.Leg == LegWords && l.Hits > 0 }) {
		return false, nil
	}
	picked, err := c.refine(ctx, list)
	if err == nil {
		c.found.Facets, err = c.facets(ctx)
	}
	if err != nil {
		return false, err
	}
	before := int(c.pin.count())
	if len(picked) < before+c.q.Limit && more && c.q.Diversity == 0 {
		return false, nil
	}
	return true, c.page(picked[min(before, len(picked)):], more && c.q.Diversity == 0)
}

// page reads the hits that are asked for.
func (c *composer) page(picked []pick, more bool) (err error) {
	n := min(c.q.Limit, len(picked))
	if c.found.Hits, err = c.read(picked[:n]); err != nil {
		return err
	}
	if n > 0 && (len(picked) > n || more) {
		c.found.Next = c.pin.next(c.q.hashAll(), c.m.seq, picked[n-1].score, picked[n-1].ord, n)
	}
	return nil
}

// begin fixes what the legs look at.
func (c *composer) begin(ctx context.Context) (err error) {
	if c.v, err = c.ix.loaded(c.q.Filter != nil || len(c.q.Facets) > 0); err != nil {
		return err
	}
	if c.pin.seq == 0 {
		c.pin.seq = c.v.seq
	}
	if c.q.looks() || c.q.Collapse > 0 || c.q.Diversity > 0 {
		if c.s, err = c.space(); err != nil {
			return err
		}
	}
	if c.q.Words != "" && c.q.Fusion.weight(LegWords) > 0 {
		c.known, err = c.ix.words.capture(ctx)
	}
	return err
}

// space is the query's, or the only one there is.
func (c *composer) space() (Space, error) {
	if c.q.Space == "" && len(c.v.schema) == 1 {
		return c.v.schema[0], nil
	}
	if s, ok := c.v.space(c.q.Space); ok {
		return s, nil
	}
	return Space{}, fmt.Errorf("index: no space %q", c.q.Space)
}

// nearby is what the vectors of a view gave.
type nearby struct {
	tiers  [][]scored // one unless the look is narrow
	full   bool       // there may be more behind them
	vector []float32
	look   *lookup
}

// firstTier is how many of the nearest are looked at first, where it may be enough.
const firstTier = 40

// narrow says whether fewer of the nearest than the window may do: their ranking is the
// answer's as long as no words were found, and nothing is done to it. Then they come in
// tiers, each as large as all before it. A wider look may find what a narrower one
// missed, and so that each page is cut out of the same order, that goes behind what
// the narrower look found.
func (c *composer) narrow() bool {
	return !c.wide && c.q.looks() && c.window > firstTier && c.q.Collapse == 0 && c.q.Diversity == 0 && c.q.GroupBy == "" &&
		(c.known == nil || cmp.Or(c.q.Fusion.Method, RRF) == RRF)
}

// vector asks the vector leg for the best of the view that the moment may have as the
// present has them; nil means that no vectors are compared.
func (c *composer) vector(ctx context.Context) (*nearby, error) {
	c.found = Found{Expected: 1}
	if !c.q.looks() || c.q.Fusion.weight(LegVector) == 0 {
		return nil, nil
	}
	vector, err := c.follow()
	if err != nil {
		return nil, err
	}
	sub := c.q
	sub.Space, sub.Vector, sub.Limit, sub.Keep = c.s.Name, vector, c.window, c.accepts()
	near := &nearby{vector: vector, look: &lookup{c.ix, sub, c.pin}}
	if sub, err = near.look.present(c.v); err != nil {
		return nil, err
	}
	return near, c.tiers(ctx, near, sub)
}

// tiers looks for as many of the nearest as are needed.
func (c *composer) tiers(ctx context.Context, near *nearby, q Query) (err error) {
	need := c.window
	if q.Limit = need; c.narrow() {
		need, q.Limit = min(need, int(c.pin.count())+c.q.Limit), firstTier
	}
	seen := map[uint32]bool{}
	for ; ; q.Limit = min(2*q.Limit, c.window) {
		var list []scored
		if list, c.found, err = c.ix.nearest(ctx, c.v, q); err != nil {
			return err
		}
		near.full = len(list) == q.Limit
		list = slices.DeleteFunc(list, func(s scored) bool { return seen[s.ord] })
		near.tiers = append(near.tiers, list)
		if !near.full || q.Limit >= need {
			return nil
		}
		for _, s := range list {
			seen[s.ord] = true
		}
	}
}

// fused makes one ranking of the legs. more says that some leg has further hits.
func (c *composer) fused(ctx context.Context, near *nearby) (list []fused, more bool, err error) {
	c.found.Seq = c.m.seq
	if err := c.sift(ctx); err != nil {
		return nil, false, err
	}
	var legs []ranked
	if near != nil {
		more = near.full && (c.q.Floor == 0 || near.worst() >= c.q.Floor)
		l, err := c.nearLeg(ctx, near)
		if err != nil {
			return nil, false, err
		}
		legs = append(legs, l)
	}
	if c.known != nil {
		l, err := c.wordsLeg(ctx)
		if err != nil {
			return nil, false, err
		}
		more = more || len(l.hits) < l.total
		legs = append(legs, l)
	}
	if len(legs) > 1 {
		list, c.found.Legs = c.q.Fusion.fuse(legs)
		return list, more && c.narrow() && len(legs[0].hits) < c.window, nil
	}
	// The scores of a single leg stay what they are.
	for _, one := range legs {
		for i, h := range one.hits {
			list = append(list, fused{h.ord, h.score, []LegScore{{one.leg, i + 1, h.score}}})
		}
		report := LegReport{Leg: one.leg, Hits: len(one.hits), Total: one.total}
		if report.Hits > 0 {
			report.Weight = c.q.Fusion.weight(one.leg)
		}
		c.found.Legs = append(c.found.Legs, report)
	}
	return list, more, nil
}

// sift finds what passes the filter at the moment.
func (c *composer) sift(ctx context.Context) error {
	if c.q.Filter == nil {
		return nil
	}
	c.passed = c.m.untouched(c.v.facts.matching(c.q.Filter))
	for it := c.m.touched.Iterator(); it.HasNext(); {
		ord := it.Next()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		_, passes, err := c.m.passes(c.ix, ord, c.q.Filter)
		if err != nil {
			return err
		}
		if passes {
			c.passed.Add(ord)
		}
	}
	return nil
}

// nearLeg is the vector leg at the moment: what was touched since is judged on what the
// store keeps of it.
func (c *composer) nearLeg(ctx context.Context, near *nearby) (ranked, error) {
	judged, err := near.look.judge(ctx, c.m, c.s, near.vector)
	if err != nil {
		return ranked{}, err
	}
	l := ranked{leg: LegVector}
	for i, tier := range near.tiers {
		list := slices.DeleteFunc(slices.Clone(tier), func(f scored) bool { return !c.m.same(f.ord) })
		last := i == len(near.tiers)-1 && !near.full
		judged = slices.DeleteFunc(judged, func(f scored) bool {
			fits := last || len(tier) > 0 && better(f, tier[len(tier)-1]) <= 0
			if fits {
				list = append(list, f)
			}
			return fits
		})
		slices.SortFunc(list, better)
		for _, f := range list {
			if c.q.Floor == 0 || f.score >= c.q.Floor {
				l.hits = append(l.hits, legHit{f.ord, float64(f.score)})
			}
		}
	}
	l.total = len(l.hits)
	return l, nil
}

// worst is the lowest score of all.
func (n *nearby) worst() float32 {
	worst := float32(math.Inf(1))
	for _, tier := range n.tiers {
		if len(tier) > 0 {
			worst = min(worst, tier[len(tier)-1].score)
		}
	}
	return worst
}

// wordsLeg asks the words leg.
func (c *composer) wordsLeg(ctx context.Context) (ranked, error) {
	accepts := c.accepts()
	w := words.Wanted{Limit: c.window, Keep: func(ord uint32) bool {
		return (c.passed == nil || c.passed.Contains(ord)) && (accepts == nil || accepts(ord))
	}}
	if len(c.q.Facets) > 0 {
		w.Begin = func() { c.spoken = roaring.New() }
		w.Each = func(m words.Match) { c.spoken.Add(m.Ordinal) }
	}
	found, err := c.ix.words.search(ctx, c.known, c.m, c.said, w)
	if err != nil {
		return ranked{}, err
	}
	l := ranked{leg: LegWords, total: found.Total}
	for _, m := range found.Matches {
		l.hits = append(l.hits, legHit{m.Ordinal, m.Score})
	}
	return l, nil
}

// facets counts values among the documents that have the words and pass the filter.
func (c *composer) facets(ctx context.Context) ([]Facet, error) {
	if len(c.q.Facets) == 0 {
		return nil, nil
	}
	among := cmp.Or(c.spoken, c.passed)
	if among == nil {
		among = roaring.Or(c.v.facts.matching(nil), c.m.touched)
	}
	counter := c.v.facts.counter(c.m.untouched(among))
	for it := roaring.And(among, c.m.touched).Iterator(); it.HasNext(); {
		ord := it.Next()
		rec, hidden, err := c.m.record(ord)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil && !hidden {
			counter.recent = append(counter.recent, c.ix.factOf(ord, rec.ID, rec.Metadata))
		}
	}
	var out []Facet
	for _, name := range c.q.Facets {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		out = append(out, counter.facet(canonicalField(name), facetTop))
	}
	return out, nil
}

const facetTop = 10 // values of a facet

// accepts is the query's Keep without the examples.
func (c *composer) accepts() func(uint32) bool {
	keep := c.q.Keep
	if len(c.like) == 0 {
		return keep
	}
	return func(ord uint32) bool { return !slices.Contains(c.like, ord) && (keep == nil || keep(ord)) }
}

// refine folds near duplicates, groups and spreads the ranking.
func (c *composer) refine(ctx context.Context, list []fused) ([]pick, error) {
	picked := make([]pick, len(list))
	for i, f := range list {
		picked[i] = pick{fused: f}
	}
	near := &nearness{c: c, vectors: map[uint32][][]float32{}}
	var err error
	if c.q.Collapse > 0 {
		picked, err = near.collapse(ctx, picked)
	}
	if c.q.GroupBy != "" && err == nil {
		picked, err = c.group(picked)
	}
	if c.q.Diversity > 0 && err == nil {
		picked, err = near.spread(ctx, picked)
	}
	return picked, err
}

// pick is a hit in the making.
type pick struct {
	fused
	folded []uint32 // near duplicates that it stands for
	group  string
	size   int // of the group
}

// read makes hits of picks.
func (c *composer) read(picked []pick) ([]Hit, error) {
	found := make([]scored, len(picked))
	for i, p := range picked {
		found[i] = scored{float32(p.score), p.ord}
	}
	hits, err := c.m.hits(found)
	if err != nil {
		return nil, err
	}
	for i, p := range picked {
		h := &hits[i]
		h.Legs, h.Group, h.GroupSize = p.legs, p.group, p.size
		if c.q.Highlight > 0 {
			h.Fragments = c.ix.fragments(c.said, *h, c.q.Highlight)
		}
		for _, ord := range p.folded {
			rec, _, err := c.m.record(ord)
			if err != nil {
				return nil, err
			}
			h.Folded = append(h.Folded, rec.ID)
		}
	}
	return hits, nil
}

// A Fragment is a part of a document's text where words of the query stand.
type Fragment struct {
	Field string
	Value int    // which of the field's strings
	Text  string // the part
	Start int    // where it begins in the string, in bytes
	Marks []Mark // the words that match
}

// A Mark is a range of bytes of a fragment's text.
type Mark struct{ Start, End int }

// fragments finds where the words stand.
func (ix *Index) fragments(q words.Query, h Hit, size int) []Fragment {
	var out []Fragment
	eachText(ix.opts.textFields(), h.ID, h.Metadata, func(name string, i int, text string) {
		f, ok := words.Highlight(q, text, ix.opts.langOf(h.Metadata), size)
		if !ok {
			return
		}
		part := Fragment{Field: name, Value: i, Text: text[f.Start:f.End], Start: f.Start}
		for _, m := range f.Marks {
			part.Marks = append(part.Marks, Mark{m.Start - f.Start, m.End - f.Start})
		}
		out = append(out, part)
	})
	return out
}
