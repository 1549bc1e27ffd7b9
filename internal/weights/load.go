package weights

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

const (
	window = 128 << 20 // bytes that are asked for ahead of those that are being packed
	hold   = 4 << 20   // bytes of a tensor that stay mapped after they were read
)

// Load fills the module, on all cores, in the order of the file: from a disk, bytes
// come while earlier ones are packed. What was read is given up at once, so that
// there is never more of the checkpoint in memory than is worked on.
func (p *Plan) Load(pool *tensor.Pool) error {
	kern, err := simd.Best()
	if err != nil {
		return err
	}
	tasks := slices.Clone(p.tasks)
	slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(a.place(), b.place()) })
	begun := make(chan int, len(tasks))
	var asking, packing errgroup.Group
	asking.Go(func() error { askAhead(p.src, tasks, begun); return nil })
	packing.SetLimit(runtime.GOMAXPROCS(0))
	for i := range tasks {
		packing.Go(func() error {
			begun <- tasks[i].bytes()
			return tasks[i].load(pool, &reader{p.src, kern, make([]float64, len(tasks[i].views))})
		})
	}
	err = packing.Wait()
	close(begun)
	asking.Wait()
	return err
}

// askAhead has the system read tasks before they begin, as far ahead as the window
// allows. It has a goroutine of its own because asking takes time when the disk is
// busy.
func askAhead(src Source, tasks []task, begun <-chan int) {
	room := window
	for _, t := range tasks {
		for room <= 0 {
			n, ok := <-begun
			if !ok {
				return
			}
			room += n
		}
		for _, v := range t.views {
			src.Want(v)
		}
		room -= t.bytes()
	}
}

// place is where the task's first tensor lies: files are mapped, so that their
// addresses have their order.
func (t *task) place() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(t.views[0].Data))) }

func (t *task) bytes() (n int) {
	for _, v := range t.views {
		n += len(v.Data)
	}
	return n
}

// reader is how a task's tensors are read.
type reader struct {
	src  Source
	kern *simd.Kernels
	tops []float64 // by view: the largest magnitude that was read
}

// load fills the task's field.
func (t *task) load(pool *tensor.Pool, r *reader) error {
	if err := t.want.leaf.load(pool, t.matrix(r)); err != nil {
		return fmt.Errorf("weights: %s: %w", strings.Join(t.names, ", "), err)
	}
	dtype, limit := t.want.leaf.stores()
	for i, top := range r.tops {
		if err := checkNumber(t.names[i], top, dtype, limit); err != nil {
			return err
		}
	}
	return nil
}

// open reads the task's tensor i as a matrix with the given number of columns, row
// by row; what is behind the rows that were read is given up.
func (t *task) open(r *reader, i, cols int) matrix {
	v, given := t.views[i], -1
	size := len(v.Data) / max(elements(v.Shape), 1)
	return matrix{elements(v.Shape) / max(cols, 1), cols, func(lo, hi int, dst []float32) {
		first, end := lo*cols*size, hi*cols*size
		b := v.Data[first:end]
		if t.scales[i] != nil {
			r.tops[i] = max(r.tops[i], dequantise(dst[:(hi-lo)*cols], b, t.scales[i], elements(v.Shape), first))
		} else {
			r.tops[i] = max(r.tops[i], widen(r.kern, dst[:(hi-lo)*cols], v.DType, b))
		}
		if given < 0 || first < given {
			given = first
		}
		if end-given >= hold || end == len(v.Data) {
			r.src.Drop(v, given, end)
			given = end
		}
	}}
}

// matrix reads the task's sources as its rule says.
func (t *task) matrix(r *reader) matrix {
	rows := func(i int) matrix {
		n := max(firstDim(t.views[i].Shape), 1)
		return t.open(r, i, elements(t.views[i].Shape)/n)
	}
	switch t.rule.Op {
	case Cat:
		parts := make([]matrix, len(t.views))
		for i := range parts {
			parts[i] = rows(i)
		}
		return stack(parts)
	case Split:
		return rows(0).rowsOf(t.rule.Part)
	case Transpose:
		return rows(0).transposed()
	case ChannelsLast:
		return rows(0).channelsLast(t.views[0].Shape[1])
	case Scale:
		return rows(0).scaled(rows(1))
	case LowRank:
		one := func(i int) matrix { // the adapter's part of a tensor (adapters, rows, columns)
			n, at := t.views[i].Shape[0], t.rule.Adapter.At
			return t.open(r, i, t.views[i].Shape[2]).rowsOf(Part{at, at + 1, n})
		}
		return rows(0).plus(one(1), one(2), t.rule.Adapter.Factor)
	case Gap:
		return stack([]matrix{rows(0), rows(0).blank(), rows(1)})
	}
	return t.open(r, 0, elements(t.want.shape)/t.want.shape[0])
}
