package vector

import "github.com/emblem-search/emblem/internal/simd"

// walker is what one walk needs, kept for the next.
type walker struct {
	*query
	pool
	graph   *Graph
	exact   scorer
	visited Bitmap
	touched []uint32
	ids     []uint32 // candidates to be scored
	found   [block]float32
	scores  []float32
	scored  int
	allow   Bitmap   // of a walk under a filter
	over    []uint32 // rows that are not allowed, to be stepped over
}

func (g *Graph) walker() *walker {
	w, _ := g.walkers.Get().(*walker)
	if w == nil {
		w = &walker{query: g.codes.newQuery(), graph: g, exact: scorer{kernels: g.codes.kernels, metric: g.codes.Metric},
			ids: make([]uint32, 0, block+simd.FetchAhead)}
	}
	if n := g.codes.n; len(w.visited)*64 < n {
		w.visited = NewBitmap(n + n/8)
	}
	return w
}

// release gives the walker back.
func (w *walker) release() {
	w.forget()
	w.graph.walkers.Put(w)
}

// forget forgets where the walk has been.
func (w *walker) forget() {
	for _, id := range w.touched {
		w.visited[id>>6] = 0
	}
	w.touched = w.touched[:0]
	w.scored = 0
}

// start begins a walk that keeps breadth candidates.
func (w *walker) start(v []float32, breadth int) {
	w.graph.codes.ready(w.query, v, w.graph.codes.kind(v))
	w.begin(breadth)
}

// among begins a walk from a row, as a query that lies among the rows.
func (w *walker) among(id uint32, breadth int) {
	c := w.graph.codes
	c.ready(w.query, w.graph.rows.Row(id), 0)
	if c.lift != nil {
		w.query.lift = c.lift[id]
	}
	w.begin(breadth)
}

func (w *walker) begin(breadth int) {
	w.pool.reset(breadth)
	w.enter()
}

// run expands candidates, best first, until the best breadth known are expanded.
func (w *walker) run() {
	for {
		id, ok := w.take()
		if !ok {
			return
		}
		w.visit(w.graph.of(id))
	}
}

// visit takes the rows that are new.
func (w *walker) visit(links []uint32) {
	ids := w.ids[:0]
	for _, id := range links {
		word, bit := &w.visited[id>>6], uint64(1)<<(id&63)
		if *word&bit == 0 {
			*word |= bit
			ids = append(ids, id)
		}
	}
	w.touched = append(w.touched, ids...)
	w.offer(ids)
}

// offer scores rows and offers them to the pool.
func (w *walker) offer(ids []uint32) {
	w.scored += len(ids)
	found := w.found[:len(ids)]
	w.graph.codes.estimate(w.query, ids, found)
	worst := key(1<<64 - 1)
	if len(w.keys) == w.limit {
		worst = w.keys[w.limit-1]
	}
	for i, id := range ids {
		if k := newKey(found[i], id); k < worst {
			w.pool.add(k)
			if len(w.keys) == w.limit {
				worst = w.keys[w.limit-1]
			}
		}
	}
}
