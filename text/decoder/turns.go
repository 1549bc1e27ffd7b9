package decoder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor"
)

const (
	mostRunning = 64  // sequences that take turns together
	turnTokens  = 256 // of a turn: a longer prompt is computed in parts
)

// errClosed is what sequences get that a decoder's end cuts short.
var errClosed = errors.New("decoder: closed while it generated")

// turns computes sequences together: each forward pass takes the next token of all
// that are running, then parts of prompts, oldest first (Orca, OSDI 2022, and SARATHI,
// arXiv 2308.16369). A goroutine does so while there is anything to do.
type turns struct {
	d *Decoder

	mu      sync.Mutex
	coming  []*sequence // not looked at yet
	active  bool
	closed  bool
	stopped sync.Cond // active has become false

	waiting []*sequence // for room, oldest first
	running []*sequence // oldest first
	logits  []float32   // (R, V)
}

func newTurns(d *Decoder) *turns {
	t := &turns{d: d}
	t.stopped.L = &t.mu
	return t
}

// submit hands a sequence over.
func (t *turns) submit(q *sequence) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errClosed
	}
	t.coming = append(t.coming, q)
	if !t.active {
		t.active = true
		go t.loop()
	}
	return nil
}

// close ends all sequences and waits for the turn that is being computed.
func (t *turns) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for t.active {
		t.stopped.Wait()
	}
}

// loop takes turns until there is nothing left to do.
func (t *turns) loop() {
	for t.collect() {
		batch := t.plan()
		if len(batch) == 0 {
			continue
		}
		if err := t.compute(batch); err != nil {
			t.leave(batch, err)
		}
	}
}

// collect takes new sequences in and lets those go that nobody wants any more; false
// ends the loop.
func (t *turns) collect() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, t.coming...)
	t.coming = nil
	for _, q := range slices.Concat(t.waiting, t.running) {
		if t.closed {
			t.finish(q, errClosed)
		} else if q.ctx.Err() != nil {
			t.finish(q, context.Cause(q.ctx))
		}
	}
	t.active = len(t.waiting)+len(t.running) > 0
	if !t.active {
		t.stopped.Broadcast()
	}
	return t.active
}

// finish takes a sequence out; err nil says that it has all its tokens.
func (t *turns) finish(q *sequence, err error) {
	same := func(other *sequence) bool { return other == q }
	t.running, t.waiting = slices.DeleteFunc(t.running, same), slices.DeleteFunc(t.waiting, same)
	t.free(q)
	q.out.fail(err)
}

// free takes a sequence's pages.
func (t *turns) free(q *sequence) {
	t.d.pages.drop(q.pages)
	t.d.pages.drop(q.crossPages)
	q.pages, q.crossPages, q.encoded = nil, nil, false
}

// share is the part of a sequence that a turn computes: its next n tokens.
type share struct {
	*sequence
	n int
}

// plan chooses what the next turn computes, and sees to the room for it.
func (t *turns) plan() []share {
	t.admit()
	order := slices.Clone(t.running)
	slices.SortStableFunc(order, func(a, b *sequence) int { return cmp.Compare(min(a.pending(), 2), min(b.pending(), 2)) })
	left := turnTokens
	var batch []share
	for _, q := range order {
		n := min(q.pending(), left)
		if n == 0 || !slices.Contains(t.running, q) || !t.reserve(q, q.done+n) {
			continue
		}
		batch = append(batch, share{q, n})
		left -= n
	}
	// Room that an older sequence needed may have been taken from one in the batch.
	return slices.DeleteFunc(batch, func(s share) bool { return !slices.Contains(t.running, s.sequence) })
}

// admit starts sequences that there is room for: all of the prompt's pages, or as
// many as there are when nothing else runs.
func (t *turns) admit() {
	for len(t.waiting) > 0 && len(t.running) < mostRunning {
		q := t.waiting[0]
		if len(t.running) > 0 && t.d.pages.idle() < pagesFor(len(q.ids)+1)+pagesFor(q.sourceLen()) {
			return
		}
		t.waiting = t.waiting[1:]
		t.running = append(t.running, q)
		t.reuse(q)
	}
}

func pagesFor(tokens int) int { return (tokens + pageSize - 1) / pageSize }

// reuse gives a sequence the pages that hold the beginning of it already. Tokens whose
// logits are needed are left to compute.
func (t *turns) reuse(q *sequence) {
	for q.done+pageSize <= q.wants() {
		k := q.last.next(t.d.net.config, q, q.done, q.done+pageSize)
		page, ok := t.d.pages.find(k)
		if !ok {
			break
		}
		q.pages, q.last = append(q.pages, page), k
		q.done += pageSize
		q.named++
	}
	q.reused = min(q.done, q.prompt)
}

// reserve gives a sequence pages for so many tokens, and for its source.
func (t *turns) reserve(q *sequence, tokens int) bool {
	return t.grow(q, &q.crossPages, q.sourceLen()) && t.grow(q, &q.pages, tokens)
}

// grow gives a sequence pages. Where there are none, the youngest sequence has to give
// up its own and begin anew later, with the same result.
func (t *turns) grow(q *sequence, pages *[]int32, tokens int) bool {
	for len(*pages) < pagesFor(tokens) {
		page, ok := t.d.pages.take()
		if ok {
			*pages = append(*pages, page)
			continue
		}
		youngest := t.running[len(t.running)-1]
		t.suspend(youngest)
		if youngest == q {
			return false
		}
	}
	return true
}

// suspend takes a sequence's pages and puts it back in front of those that wait.
func (t *turns) suspend(q *sequence) {
	t.running = slices.DeleteFunc(t.running, func(other *sequence) bool { return other == q })
	t.waiting = slices.Insert(t.waiting, 0, q)
	t.free(q)
	q.done, q.named, q.last = 0, 0, q.origin
}

// compute runs one forward pass and lets the sequences go on whose tokens are all
// computed now.
func (t *turns) compute(batch []share) error {
	p := t.pass(batch)
	vocab := t.d.net.config.vocab
	t.logits = slices.Grow(t.logits[:0], len(p.want)*vocab)[:len(p.want)*vocab]
	ctx := context.Background()
	if len(batch) == 1 {
		ctx = batch[0].ctx
	}
	for _, s := range batch {
		if s.sourceLen() > 0 && !s.encoded {
			if err := t.d.encode(ctx, s.sequence); err != nil {
				return err
			}
		}
	}
	if err := t.d.run(ctx, p, t.logits); err != nil {
		return err
	}
	for _, s := range batch {
		s.done += s.n
		t.name(s.sequence)
	}
	return t.choose(batch, vocab)
}

// choose samples the next token of each sequence whose logits are there. A panic must
// not end the process: it fails the turn.
func (t *turns) choose(batch []share, vocab int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder: sampling panicked: %v\n%s", r, debug.Stack())
		}
	}()
	row := 0
	for _, s := range batch {
		for at, n := max(s.wants(), s.done-s.n), s.done; at < n; at++ {
			finished, err := s.take(t.d.net.config, at, t.logits[row*vocab:(row+1)*vocab])
			if finished {
				t.finish(s.sequence, err)
			}
			row++
		}
	}
	return nil
}

// name gives full pages their names.
func (t *turns) name(q *sequence) {
	for (q.named+1)*pageSize <= q.done {
		lo := q.named * pageSize
		q.last = q.last.next(t.d.net.config, q, lo, lo+pageSize)
		t.d.pages.name(q.pages[q.named], q.last)
		q.named++
	}
}

// pass lays out a turn: sequences with one token share a group, parts of prompts have
// one each.
func (t *turns) pass(batch []share) pass {
	slices.SortStableFunc(batch, func(a, b share) int { return cmp.Compare(min(a.n, 2), min(b.n, 2)) })
	var p pass
	for len(batch) > 0 {
		n := 1
		for batch[0].n == 1 && n < len(batch) && batch[n].n == 1 {
			n++
		}
		p.add(t.d.net.config, batch[:n])
		batch = batch[n:]
	}
	return p
}

// add appends a group of sequences with equally many tokens.
func (p *pass) add(c config, batch []share) {
	g := group{first: len(p.ids), b: len(batch), lq: batch[0].n}
	width, crossWidth := 0, 0
	for _, s := range batch {
		width, crossWidth = max(width, pagesFor(s.done+s.n)), max(crossWidth, len(s.crossPages))
	}
	for _, s := range batch {
		for at := s.done; at < s.done+s.n; at++ {
			if in, row := s.insert(c.width, at); in != nil {
				p.inserted = append(p.inserted, int32(len(p.ids)))
				p.features = append(p.features, in.Rows[row*c.width:(row+1)*c.width]...)
			}
			if at >= s.wants() {
				p.want = append(p.want, int32(len(p.ids)))
			}
			p.ids, p.at, p.spans = append(p.ids, s.ids[at]), append(p.at, int32(at)), append(p.spans, s.span(c, at))
			p.rows = append(p.rows, s.pages[at/pageSize]*pageSize+int32(at%pageSize))
		}
		g.lens = append(g.lens, int32(s.done+s.n))
		g.pages = appendRow(g.pages, s.pages[:pagesFor(s.done+s.n)], width)
		if n := s.sourceLen(); n > 0 {
			g.crossLens = append(g.crossLens, int32(n))
			g.crossPages = appendRow(g.crossPages, s.crossPages, crossWidth)
		}
	}
	p.groups = append(p.groups, g)
}

// appendRow appends pages, filled up to n.
func appendRow(to, pages []int32, n int) []int32 {
	return append(append(to, pages...), make([]int32, n-len(pages))...)
}

// leave fails the sequences of a turn that could not be computed. One that was alone
// and given up is not the device's fault, and collect says so.
func (t *turns) leave(batch []share, err error) {
	for _, s := range batch {
		if s.ctx.Err() == nil && slices.Contains(t.running, s.sequence) {
			t.finish(s.sequence, err)
		}
	}
}

// run computes a pass on the device; logits is (R, V).
func (d *Decoder) run(ctx context.Context, p pass, logits []float32) error {
	return d.pool.Device().Run(ctx, d.lane, func(s *tensor.Stream) error {
		if len(p.want) == 0 { // a part of a prompt
			d.net.forward(s, p, d.pages.store, tensor.Tensor{})
			return s.Err()
		}
		y := s.NewDense(tensor.F32, len(p.want), d.net.config.vocab) // (R, V)
		d.net.forward(s, p, d.pages.store, y)
		err := tensor.Get(s, logits, y)
		d.net.config.scaleDown(logits)
		return err
	})
}
