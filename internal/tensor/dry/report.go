package dry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Report is what was run since the last Reset, and what is held now.
type Report struct {
	Price               // of all ops
	Ops     []Line      // by type, in the order of first use
	Weights []KindBytes // packed and not yet freed, by kind
	Held    int         // bytes of all buffers: tables, constants, arenas
}

// Line is the part of one type of op.
type Line struct {
	Op    string // linear, attention, …
	Calls int
	Price
}

// KindBytes is the memory of the weights of a kind.
type KindBytes struct {
	Kind  tensor.Kind
	Bytes int
}

func (b *Backend) count(name string, p Price) {
	l := b.ops[name]
	if l == nil {
		l = &Line{Op: name}
		b.ops[name], b.order = l, append(b.order, name)
	}
	l.Calls++
	l.FLOPs += p.FLOPs
	l.Bytes += p.Bytes
}

// Report tells what was counted.
func (b *Backend) Report() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Report{Held: b.held}
	for _, name := range b.order {
		l := *b.ops[name]
		r.Ops = append(r.Ops, l)
		r.FLOPs += l.FLOPs
		r.Bytes += l.Bytes
	}
	for k, n := range b.weights {
		if n > 0 {
			r.Weights = append(r.Weights, KindBytes{k, n})
		}
	}
	slices.SortFunc(r.Weights, func(a, b KindBytes) int { return cmp.Compare(a.Kind, b.Kind) })
	return r
}

// Reset forgets the ops. Weights and buffers are still there and still count.
func (b *Backend) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.ops)
	b.order = nil
}

// String is a table for people.
func (r Report) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%-10s %6s %10s %10s\n", "op", "calls", "MFLOP", "MB")
	total := Line{Op: "all", Price: r.Price}
	for _, l := range r.Ops {
		total.Calls += l.Calls
	}
	for _, l := range append(slices.Clone(r.Ops), total) {
		fmt.Fprintf(&s, "%-10s %6d %10.1f %10.1f\n", l.Op, l.Calls, float64(l.FLOPs)/1e6, float64(l.Bytes)/1e6)
	}
	for _, w := range r.Weights {
		fmt.Fprintf(&s, "weights %v: %.1f MB\n", w.Kind, float64(w.Bytes)/1e6)
	}
	return s.String()
}
