package cuda

import (
	"encoding/binary"
	"hash/maphash"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
)

// What a lane is to do gathers until somebody waits, and is sent at once. A forward
// pass that comes again does byte for byte the same: the arena gives it the same
// addresses. So a sequence is run eagerly twice, captured as a graph the third time and
// replayed from then on, unless that turns out not to be faster. Whatever differs, be it
// a shape, an address or a number, is another sequence.

const (
	eagerRuns  = 2
	trials     = 3    // replays until it is decided
	gain       = 0.98 // of the eager time, which a replay has to stay under
	mostGraphs = 64
)

// sequence is what a lane did between two waits.
type sequence struct {
	code     []byte // the kernels, grids and arguments
	runs     int
	replays  int
	graph    replay
	eager    float32 // ms, the least
	replayed float32
	eagerly  bool // a graph is not faster
	used     int  // when last, in turns of the lane
}

// recorded are the sequences of a card.
type recorded struct {
	seed maphash.Seed
	by   map[uint64][]*sequence
	turn int
}

// find returns the sequence of code, new or known.
func (r *recorded) find(code []byte) *sequence {
	r.turn++
	h := maphash.Bytes(r.seed, code)
	for _, s := range r.by[h] {
		if slices.Equal(s.code, code) {
			s.used = r.turn
			return s
		}
	}
	s := &sequence{code: slices.Clone(code), used: r.turn}
	r.by[h] = append(r.by[h], s)
	return s
}

// forget makes room: the sequence that was used least recently goes.
func (b *Backend) forget() {
	count, oldest, at := 0, (*sequence)(nil), uint64(0)
	for h, all := range b.recorded.by {
		for _, s := range all {
			if count++; oldest == nil || s.used < oldest.used {
				oldest, at = s, h
			}
		}
	}
	if count <= mostGraphs {
		return
	}
	b.drop(oldest)
	if b.recorded.by[at] = slices.DeleteFunc(b.recorded.by[at], func(s *sequence) bool { return s == oldest }); len(b.recorded.by[at]) == 0 {
		delete(b.recorded.by, at)
	}
}

func (b *Backend) drop(s *sequence) {
	if s.graph != 0 {
		b.EndReplay(s.graph)
		s.graph = 0
	}
}

// encode appends what tells a launch from others.
func (l *launch) encode(code []byte) []byte {
	code = append(code, l.kernel...)
	for _, n := range l.grid {
		code = binary.LittleEndian.AppendUint32(code, uint32(n))
	}
	v := reflect.ValueOf(l.args)
	return append(code, unsafe.Slice((*byte)(v.UnsafePointer()), v.Type().Elem().Size())...)
}

// flush sends what a lane has gathered. It runs on the card's thread.
func (b *Backend) flush(lane tensor.Lane) error {
	q := &b.lanes[lane]
	q.mu.Lock()
	all := q.pending
	q.pending = nil
	q.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	b.code = b.code[:0]
	for i := range all {
		b.code = all[i].encode(b.code)
		q.faults = q.faults || all[i].faults
	}
	s := b.recorded.find(b.code)
	b.forget()
	if err := b.check("cuEventRecord", b.Record(q.began, q.stream)); err != nil {
		return err
	}
	replayed, err := b.play(lane, s, all)
	if err != nil {
		return err
	}
	if err := b.check("cuEventRecord", b.Record(q.ended, q.stream)); err != nil {
		return err
	}
	q.timed, q.replay = s, replayed
	return nil
}

// play runs a sequence the way that its history says.
func (b *Backend) play(lane tensor.Lane, s *sequence, all []launch) (replayed bool, err error) {
	s.runs++
	if s.graph == 0 && s.runs > eagerRuns && !s.eagerly {
		if s.graph, err = b.capture(lane, all); err != nil {
			return false, err
		}
		s.eagerly = s.graph == 0
	}
	if s.graph != 0 {
		return true, b.check("cuGraphLaunch", b.Replay(s.graph, b.lanes[lane].stream))
	}
	return false, b.each(lane, all)
}

func (b *Backend) each(lane tensor.Lane, all []launch) error {
	for _, l := range all {
		if err := b.launch(lane, l); err != nil {
			return err
		}
	}
	return nil
}

// capture makes a graph of a sequence. Only this thread's calls are captured, so that
// the other lane goes on. What cannot be captured runs eagerly: the graph is 0 then.
func (b *Backend) capture(lane tensor.Lane, all []launch) (replay, error) {
	on := b.lanes[lane].stream
	if err := b.check("cuStreamBeginCapture", b.BeginCapture(on, captureThreadLocal)); err != nil {
		return 0, err
	}
	failed := b.each(lane, all)
	var g graph
	if err := b.check("cuStreamEndCapture", b.EndCapture(on, &g)); err != nil {
		return 0, err
	}
	defer func() {
		if g != 0 {
			b.EndGraph(g)
		}
	}()
	if failed != nil {
		return 0, failed
	}
	var r replay
	if code := b.Instantiate(&r, g, 0); lost[code] {
		return 0, b.check("cuGraphInstantiateWithFlags", code)
	} else if code != 0 {
		return 0, nil
	}
	return r, nil
}

// measure takes the time of what a lane ran last, once it is done, and decides.
func (b *Backend) measure(lane tensor.Lane) error {
	q := &b.lanes[lane]
	s := q.timed
	if q.timed = nil; s == nil {
		return nil
	}
	var ms float32
	if err := b.check("cuEventElapsedTime", b.BetweenEvents(&ms, q.began, q.ended)); err != nil {
		return err
	}
	q.took = time.Duration(ms * float32(time.Millisecond))
	if s.replays >= trials || s.eagerly {
		return nil
	}
	if !q.replay {
		s.eager = least(s.eager, ms)
		return nil
	}
	s.replayed = least(s.replayed, ms)
	if s.replays++; s.replays == trials && s.replayed > gain*s.eager {
		b.drop(s)
		s.eagerly = true
	}
	return nil
}

func least(a, b float32) float32 {
	if a == 0 {
		return b
	}
	return min(a, b)
}
