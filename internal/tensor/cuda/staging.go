package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// staging is a ring of pinned host memory. The card reads and writes pinned memory by
// itself, so one part is copied while the next is filled.
type staging struct {
	slots [4]slot
	size  int // bytes of a slot
	next  int
}

type slot struct {
	host unsafe.Pointer
	free event // when the card has done with it
	used bool
}

// newStaging runs on the card's thread; on failure nothing is left behind.
func (w *worker) newStaging(size int) (*staging, error) {
	r := &staging{size: size}
	for i := range r.slots {
		s := &r.slots[i]
		err := w.check("cuMemHostAlloc", w.HostAlloc(&s.host, uint64(size), 0))
		if err == nil {
			err = w.check("cuEventCreate", w.NewEvent(&s.free, eventUntimed))
		}
		if err != nil {
			w.freeStaging(r)
			return nil, err
		}
	}
	return r, nil
}

func (w *worker) freeStaging(r *staging) {
	for _, s := range r.slots {
		if s.free != 0 {
			w.EndEvent(s.free)
		}
		if s.host != nil {
			w.HostFree(s.host)
		}
	}
}

// part is some rows of a transfer, or a piece of one long row.
type part struct {
	host          []byte
	at            address
	width, height int // bytes, rows
	pitch         int // bytes from row to row on the card
}

// parts cuts a tensor's rows, dense on the host, into what fits a slot of most bytes.
func parts(t tensor.Tensor, at address, host []byte, most int) []part {
	size := t.DType().Size()
	width, height, pitch := t.Cols()*size, t.Rows(), t.LD()*size
	if t.Dense() {
		width, height, pitch = width*height, 1, width*height
	}
	var all []part
	for r := 0; r < height; {
		if width > most { // rows this long are dense in practice
			row, from := host[r*width:][:width], at+address(r*pitch)
			for lo := 0; lo < width; lo += most {
				n := min(most, width-lo)
				all = append(all, part{row[lo : lo+n], from + address(lo), n, 1, n})
			}
			r++
			continue
		}
		n := min(height-r, most/max(width, 1))
		all = append(all, part{host[r*width:][:n*width], at + address(r*pitch), width, n, pitch})
		r += n
	}
	return all
}

// upload copies host rows to the card, after what the lane has to do, and waits.
func (b *Backend) upload(lane tensor.Lane, all []part) error {
	return b.do(func() error {
		if err := b.flush(lane); err != nil {
			return err
		}
		s := b.lanes[lane].stream
		for _, p := range all {
			slot, err := b.slot()
			if err != nil {
				return err
			}
			copy(unsafe.Slice((*byte)(slot.host), len(p.host)), p.host)
			c := copyRows{srcType: hostMemory, srcHost: slot.host, srcPitch: uint64(p.width), dstType: cardMemory, dstCard: p.at,
				dstPitch: uint64(p.pitch), width: uint64(p.width), height: uint64(p.height)}
			if err := b.transfer(&c, slot, s); err != nil {
				return err
			}
		}
		return b.check("cuStreamSynchronize", b.SyncStream(s))
	})
}

// download copies rows of the card to the host, after what the lane has to do.
func (b *Backend) download(lane tensor.Lane, all []part) error {
	return b.do(func() error {
		if err := b.flush(lane); err != nil {
			return err
		}
		s := b.lanes[lane].stream
		var waiting [len(staging{}.slots)]struct {
			slot *slot
			host []byte
		}
		take := func(i int) error { // what a slot was filled with
			w := &waiting[i%len(waiting)]
			if w.slot == nil {
				return nil
			}
			err := b.check("cuEventSynchronize", b.SyncEvent(w.slot.free))
			copy(w.host, unsafe.Slice((*byte)(w.slot.host), len(w.host)))
			w.slot = nil
			return err
		}
		for i, p := range all {
			if err := take(i); err != nil {
				return err
			}
			slot, err := b.slot()
			if err != nil {
				return err
			}
			c := copyRows{srcType: cardMemory, srcCard: p.at, srcPitch: uint64(p.pitch), dstType: hostMemory, dstHost: slot.host,
				dstPitch: uint64(p.width), width: uint64(p.width), height: uint64(p.height)}
			if err := b.transfer(&c, slot, s); err != nil {
				return err
			}
			waiting[i%len(waiting)].slot, waiting[i%len(waiting)].host = slot, p.host
		}
		var err error
		for i := range waiting {
			err = errors.Join(err, take(len(all)+i))
		}
		return err
	})
}

// slot is the next of the ring, once the card has done with it.
func (b *Backend) slot() (*slot, error) {
	s := &b.staging.slots[b.staging.next]
	b.staging.next = (b.staging.next + 1) % len(b.staging.slots)
	if !s.used {
		return s, nil
	}
	return s, b.check("cuEventSynchronize", b.SyncEvent(s.free))
}

func (b *Backend) transfer(c *copyRows, s *slot, on stream) error {
	if err := b.check("cuMemcpy2DAsync", b.Copy(c, on)); err != nil {
		return err
	}
	s.used = true
	return b.check("cuEventRecord", b.Record(s.free, on))
}

// whole checks that a transfer is of all of t.
func whole(t tensor.Tensor, host []byte) error {
	if len(host) != t.Len()*t.DType().Size() {
		return fmt.Errorf("cuda: %d bytes for %v", len(host), t)
	}
	return nil
}
