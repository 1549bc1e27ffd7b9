package vector

import (
	"fmt"
	"runtime"
	"sync"
)

// Graph is a graph over Codes in one flat layer: every row knows some Degree rows
// near it, in directions of their own, and has room for Extra more, from rows that
// came later or that hard queries asked for.
//
// All methods may be called side by side. Changes other than Delete wait for one
// another; they do their work beside the searches and hold them up for moments only,
// to put a piece of it in place.
type Graph struct {
	codes *Codes
	rows  Rows
	GraphOptions

	change  sync.Mutex // held by a change, all the time
	census  *census    // under change
	patches []patch    // the same

	lock     sync.RWMutex // held for writing by a change while searches must not look
	n        int          // rows that searches see
	linked   int          // rows that are linked
	given    int          // rows that are there or being added
	mem      *memory
	links    []uint32 // (linked, stride): the number of links, the links
	dead     Bitmap
	deadN    int      // of the rows that searches see
	loose    int      // linked rows that are gone
	entrance entrance // where walks begin
	curves   [kinds]curve
	twins    twins
	walkers  sync.Pool
}

// GraphOptions shape a graph. Zero means the default.
type GraphOptions struct {
	Degree  int     // links that pruning leaves, 32 by default
	Extra   int     // links beyond those that a row may collect before it is pruned, 15 by default
	Breadth int     // candidates kept while a row looks for its neighbours, 1.05 by default
	Alpha   float32 // a link is dropped if another is nearer to its end by this factor (of squares), 1.05 by default
	Workers int     // goroutines that build, one a core by default
}

func (o GraphOptions) filled() GraphOptions {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Degree, 32)
	def(&o.Extra, 15)
	def(&o.Breadth, 192)
	def(&o.Workers, runtime.GOMAXPROCS(0))
	if o.Alpha == 0 {
		o.Alpha = 1.05
	}
	return o
}

const maxDegree = block - 1

// NewGraph returns a graph without rows over the codes, which it owns from now on.
func NewGraph(c *Codes, rows Rows, o GraphOptions) (*Graph, error) {
	o = o.filled()
	if o.Degree < 2 || o.Extra < 0 || o.Degree+o.Extra > maxDegree || o.Breadth < 2 || o.Alpha < 1 {
		return nil, fmt.Errorf("vector: degree %d+%d, breadth %d, alpha %g; give a degree of 2 to %d, a breadth from 2, an alpha from 1", o.Degree, o.Extra, o.Breadth, o.Alpha, maxDegree)
	}
	return &Graph{codes: c, rows: rows, GraphOptions: o}, nil
}

// Len is the number of rows that searches see, deleted ones included.
func (g *Graph) Len() int {
	g.lock.RLock()
	defer g.lock.RUnlock()
	return g.n
}

// Bytes is the memory that codes and graph take.
func (g *Graph) Bytes() int {
	g.change.Lock()
	defer g.change.Unlock()
	n := g.codes.Bytes() + 4*(g.linked*g.stride()+len(g.codes.lift)+len(g.twins.first)+len(g.twins.next)) + 8*len(g.dead)
	if g.census != nil {
		n += 4 * len(g.census.slots)
	}
	return n
}

// stride is the length of a row of links.
func (g *Graph) stride() int { return 1 + g.Degree + g.Extra }

func (g *Graph) of(id uint32) []uint32 {
	row := g.links[int(id)*g.stride() : (int(id)+1)*g.stride()]
	return row[1 : 1+row[0]]
}

func (g *Graph) set(id uint32, to []uint32) {
	row := g.links[int(id)*g.stride() : (int(id)+1)*g.stride()]
	row[0] = uint32(copy(row[1:], to))
}

// reserve makes room for n rows, beside the searches.
func (g *Graph) reserve(n int) error {
	next := *g.codes
	if err := next.reserve(n); err != nil {
		return err
	}
	mem, err := g.mem.grow(4*g.linked*g.stride(), 4*n*g.stride())
	if err != nil {
		return err
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.codes.adopt(&next)
	g.mem, g.links, g.given = mem, view[uint32](mem.bytes), max(n, g.given)
	for len(g.dead)*64 < n {
		g.dead = append(g.dead, 0)
	}
	return nil
}
