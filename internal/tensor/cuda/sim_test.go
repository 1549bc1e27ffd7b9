package cuda

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/emblem-search/emblem/kernels"
)

// sim is a card that a test pretends: its memory is host memory, its streams do
// everything at once, and any of its calls can be made to fail.
type sim struct {
	*driver
	t       testing.TB
	blocks  map[address][]byte // what is allocated
	starts  []address          // of all that ever was, rising
	hosts   map[unsafe.Pointer][]byte
	streams map[stream]bool
	events  map[event]bool
	current primary
	taken   int // retained less released
	next    uint64

	kernels   *kernels.Set
	modules   map[module]*loaded
	functions map[function]*loaded
	ran       map[string]int // launches of each kernel
	tweak     uint64         // added to the offsets of parameters
	recording *[]func()      // what a capture has gathered
	graphs    map[uint64][]func()
	ms        float32 // that everything takes, and
	replayMS  float32 // what a graph takes
	last      float32

	calls  []string
	failAt int // the call that fails, counted from 1; 0: none
	with   Code
	sticky bool // and so do all later ones
}

const simContext primary = 77

func newSim(t testing.TB) *sim {
	s := &sim{t: t, driver: &driver{}, blocks: map[address][]byte{}, hosts: map[unsafe.Pointer][]byte{},
		streams: map[stream]bool{}, events: map[event]bool{}, next: 0x7f00_0000_0000,
		modules: map[module]*loaded{}, functions: map[function]*loaded{}, ran: map[string]int{},
		graphs: map[uint64][]func(){}, ms: 1, replayMS: 0.5}
	var err error
	if s.kernels, err = kernels.Open(); err != nil {
		t.Fatal(err)
	}
	s.fill()
	s.wrap()
	return s
}

// wrap counts all calls but the two that explain errors.
func (s *sim) wrap() {
	v := reflect.ValueOf(s.driver).Elem()
	for i := range v.NumField() {
		f, field := v.Field(i), v.Type().Field(i)
		if f.IsNil() || strings.HasPrefix(field.Name, "Error") {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("cuda"), ",")
		inner := reflect.ValueOf(f.Interface())
		f.Set(reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
			s.calls = append(s.calls, name)
			if n := len(s.calls); s.failAt > 0 && (n == s.failAt || s.sticky && n > s.failAt) {
				return []reflect.Value{reflect.ValueOf(s.with)}
			}
			return inner.Call(args)
		}))
	}
}

func (s *sim) fill() {
	d := s.driver
	d.Init = func(uint32) Code { return 0 }
	d.DriverVersion = func(v *int32) Code { *v = 12080; return 0 }
	d.ErrorName = func(c Code, p **byte) Code { *p = cString(fmt.Sprintf("CUDA_ERROR_%d", c)); return 0 }
	d.ErrorString = func(c Code, p **byte) Code { *p = cString("pretended"); return 0 }
	d.DeviceCount = func(n *int32) Code { *n = 1; return 0 }
	d.Device = func(p *int32, i int32) Code { *p = 40 + i; return 0 }
	d.DeviceName = func(p *byte, size, _ int32) Code {
		copy(unsafe.Slice(p, size), "NVIDIA Pretence\x00")
		return 0
	}
	d.DeviceMemory = func(n *uint64, _ int32) Code { *n = 8 << 30; return 0 }
	d.Attribute = func(v *int32, a, _ int32) Code {
		*v = map[int32]int32{attributeMajor: 9, attributeMinor: 0, attributeProcessors: 2, attributeClock: 1980000, attributeShared: 232448}[a]
		return 0
	}
	d.Retain = func(c *primary, _ int32) Code { *c = simContext; s.taken++; return 0 }
	d.Unretain = func(int32) Code { s.taken--; return 0 }
	d.SetCurrent = func(c primary) Code { s.current = c; return 0 }
	d.MemoryLeft = func(free, total *uint64) Code { *free, *total = 1<<30, 8<<30; return 0 }
	d.Priorities = func(least, greatest *int32) Code { *least, *greatest = 0, -5; return 0 }
	s.memory()
	s.queues()
	s.code()
}

// memory are the calls that move bytes.
func (s *sim) memory() {
	d := s.driver
	d.Alloc = func(a *address, n uint64) Code {
		s.next = (s.next + 255) &^ 255
		*a = address(s.next)
		s.blocks[*a], s.starts = bytes.Repeat([]byte{0xff}, int(n)), append(s.starts, *a) // what it holds is anybody's guess
		s.next += (n + 511) &^ 255                                                        // a gap, so that running over an end is seen
		return 0
	}
	d.Free = func(a address) Code {
		if s.blocks[a] == nil {
			s.t.Errorf("cuMemFree of %x, which is not allocated", a)
		}
		delete(s.blocks, a)
		return 0
	}
	d.HostAlloc = func(p *unsafe.Pointer, n uint64, _ uint32) Code {
		mem := make([]byte, n)
		*p = unsafe.Pointer(&mem[0])
		s.hosts[*p] = mem
		return 0
	}
	d.HostFree = func(p unsafe.Pointer) Code {
		if s.hosts[p] == nil {
			s.t.Error("cuMemFreeHost of what is not allocated")
		}
		delete(s.hosts, p)
		return 0
	}
	d.Fill = func(a address, b uint8, n uint64, _ stream) Code {
		mem := s.at(a, int(n))
		for i := range mem {
			mem[i] = b
		}
		return 0
	}
	d.Copy = func(c *copyRows, _ stream) Code {
		s.do(func() {
			for r := range c.height {
				copy(s.side(c.dstType, c.dstHost, c.dstCard, r*c.dstPitch, c.width), s.side(c.srcType, c.srcHost, c.srcCard, r*c.srcPitch, c.width))
			}
		})
		return 0
	}
}

// side is one row of a copy.
func (s *sim) side(kind uint32, host unsafe.Pointer, card address, off, n uint64) []byte {
	if kind == hostMemory {
		return unsafe.Slice((*byte)(unsafe.Add(host, off)), n)
	}
	return s.at(card+address(off), int(n))
}

// at is memory of the card. Whatever lies outside an allocation fails the test.
func (s *sim) at(a address, n int) []byte {
	if b := s.from(a); len(b) >= n {
		return b[:n]
	}
	panic(fmt.Sprintf("%d bytes at %x are not allocated on the card", n, a))
}

// queues are the calls of streams and events.
func (s *sim) queues() {
	d := s.driver
	d.NewStream = func(p *stream, _ uint32, _ int32) Code {
		s.next++
		*p = stream(s.next)
		s.streams[*p] = true
		return 0
	}
	d.EndStream = func(p stream) Code { delete(s.streams, p); return 0 }
	d.SyncStream = func(stream) Code { return 0 }
	d.NewEvent = func(p *event, _ uint32) Code {
		s.next++
		*p = event(s.next)
		s.events[*p] = true
		return 0
	}
	d.EndEvent = func(p event) Code { delete(s.events, p); return 0 }
	d.Record = func(event, stream) Code { return 0 }
	d.SyncEvent = func(event) Code { return 0 }
	d.BetweenEvents = func(ms *float32, _, _ event) Code { *ms = s.last; return 0 }
	d.BeginCapture = func(stream, uint32) Code { s.recording = new([]func()); return 0 }
	d.EndCapture = func(_ stream, g *graph) Code {
		s.next++
		*g = graph(s.next)
		s.graphs[s.next] = *s.recording
		s.recording = nil
		return 0
	}
	d.Instantiate = func(r *replay, g graph, _ uint64) Code {
		s.next++
		*r = replay(s.next)
		s.graphs[s.next] = s.graphs[uint64(g)]
		return 0
	}
	d.Replay = func(r replay, _ stream) Code {
		for _, f := range s.graphs[uint64(r)] {
			f()
		}
		s.last = s.replayMS
		return 0
	}
	d.EndReplay = func(r replay) Code { delete(s.graphs, uint64(r)); return 0 }
	d.EndGraph = func(g graph) Code { delete(s.graphs, uint64(g)); return 0 }
}

// do does something now, or when the graph that is being captured is replayed.
func (s *sim) do(f func()) {
	if s.recording != nil {
		*s.recording = append(*s.recording, f)
		return
	}
	s.last = s.ms
	f()
}

// hopper is the code of all kernels for the card that is pretended.
var hopper = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	set, err := kernels.Open()
	for i := 0; err == nil && i < len(set.Kernels); i++ {
		name := set.Kernels[i].Name
		all[name], err = set.Binary("sm_90a", name)
	}
	if err != nil {
		panic(err)
	}
	return all
})

// code are the calls of modules and kernels. A module is known by its bytes.
func (s *sim) code() {
	d := s.driver
	d.Load = func(m *module, image *byte) Code {
		for i := range s.kernels.Kernels {
			k := &s.kernels.Kernels[i]
			code := hopper()[k.Name]
			if bytes.HasPrefix(code, unsafe.Slice(image, 2000)) && bytes.Equal(unsafe.Slice(image, len(code)), code) {
				s.next++
				*m = module(s.next)
				s.modules[*m] = &loaded{Kernel: k, shared: k.Targets["sm_90a"].Shared}
				return 0
			}
		}
		return 300
	}
	d.Unload = func(m module) Code { delete(s.modules, m); return 0 }
	d.Function = func(f *function, m module, name *byte) Code {
		if s.modules[m] == nil || text(name) != s.modules[m].Entry {
			return 500
		}
		s.next++
		*f = function(s.next)
		s.functions[*f] = s.modules[m]
		return 0
	}
	d.SetFunction = func(function, int32, int32) Code { return 0 }
	d.Parameter = func(f function, i uint64, offset, size *uint64) Code {
		at := uint64(0)
		for j := range i + 1 {
			*size = 8
			if args := s.functions[f].Args; int(j) < len(args) {
				*size = uint64(args[j].Size())
			}
			at = (at + *size - 1) / *size * *size
			*offset, at = at+s.tweak, at+*size
		}
		return 0
	}
	d.Launch = func(f function, grid, threads [3]uint32, shared uint32, _ stream, params *unsafe.Pointer) Code {
		return s.run(f, grid, threads, shared, params)
	}
}

// cString is text as C has it.
func cString(t string) *byte { return &append([]byte(t), 0)[0] }

// left says what was not given back.
func (s *sim) left() string {
	if s.taken == 0 && len(s.blocks)+len(s.hosts)+len(s.streams)+len(s.events)+len(s.modules)+len(s.graphs) == 0 {
		return ""
	}
	return fmt.Sprintf("context %d, %d buffers, %d pinned, %d streams, %d events, %d modules, %d graphs", s.taken, len(s.blocks), len(s.hosts), len(s.streams), len(s.events), len(s.modules), len(s.graphs))
}
