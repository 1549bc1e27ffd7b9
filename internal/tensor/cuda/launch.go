package cuda

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/kernels"
)

// launch is one kernel with its arguments: a pointer to the struct of its entry, whose
// fields are the kernel's arguments in their order.
type launch struct {
	kernel string
	grid   [3]int
	args   any
	faults bool // may set the lane's fault
}

// loaded is a kernel on the card.
type loaded struct {
	*kernels.Kernel
	function function
	shared   int
	fields   []uintptr // offsets of the arguments in the struct
}

// signatures are the argument structs of the entries.
var signatures = map[string]reflect.Type{
	"linear": reflect.TypeFor[linearArgs](), "attention": reflect.TypeFor[attentionArgs](),
	"norm": reflect.TypeFor[normArgs](), "normalize": reflect.TypeFor[normalizeArgs](), "unary": reflect.TypeFor[unaryArgs](),
	"glu": reflect.TypeFor[unaryArgs](), "quantize": reflect.TypeFor[quantizeArgs](), "embed": reflect.TypeFor[embedArgs](),
	"scatter": reflect.TypeFor[scatterArgs](), "rope": reflect.TypeFor[ropeArgs](), "patchify": reflect.TypeFor[patchifyArgs](),
	"meanpool": reflect.TypeFor[meanPoolArgs](),
}

// matches holds a kernel's arguments to the struct of its entry: names, types, order.
func matches(k *kernels.Kernel) error {
	t := signatures[k.Entry]
	if t == nil || t.NumField() != len(k.Args) {
		return fmt.Errorf("kernel %s takes %d arguments, its struct has others", k.Name, len(k.Args))
	}
	for i, a := range k.Args {
		f := t.Field(i)
		kind := map[reflect.Kind]string{reflect.Int32: "i32", reflect.Float32: "fp32", reflect.Uint64: a.Type}[f.Type.Kind()]
		if !strings.EqualFold(f.Name, strings.ReplaceAll(a.Name, "_", "")) || kind != a.Type || int(f.Type.Size()) != a.Size() {
			return fmt.Errorf("kernel %s: argument %d is %s %s, in its struct %s %v", k.Name, i, a.Name, a.Type, f.Name, f.Type)
		}
	}
	return nil
}

// offsetsOf are where an entry's arguments lie in its struct.
func offsetsOf(entry string) []uintptr {
	t := signatures[entry]
	all := make([]uintptr, t.NumField())
	for i := range all {
		all[i] = t.Field(i).Offset
	}
	return all
}

// aligned tells whether args keep a kernel's promises of multiples of 16.
func aligned(k *kernels.Kernel, args reflect.Value) bool {
	for i, a := range k.Args {
		if !a.Aligned {
			continue
		}
		if f := args.Field(i); a.Size() == 8 && f.Uint()%16 != 0 || a.Size() == 4 && f.Int()%16 != 0 {
			return false
		}
	}
	return true
}

// load brings a kernel onto the card and holds the driver's view of its parameters to
// the manifest's. It runs on the card's thread.
func (b *Backend) load(name string) (*loaded, error) {
	if k := b.loaded[name]; k != nil {
		return k, nil
	}
	k := b.kernels.Kernel(name)
	if k == nil {
		return nil, fmt.Errorf("there is no kernel %s", name)
	}
	if err := matches(k); err != nil {
		return nil, err
	}
	code, err := b.kernels.Binary(b.target, name)
	if err != nil {
		return nil, err
	}
	code = append(code, 0) // PTX is a C string
	l := &loaded{Kernel: k, shared: k.Targets[b.target].Shared, fields: offsetsOf(k.Entry)}
	var m module
	if err := b.check("cuModuleLoadData", b.Load(&m, &code[0])); err != nil {
		return nil, fmt.Errorf("kernel %s for %s: %w", name, b.target, err)
	}
	if err := b.enter(l, m); err != nil {
		b.Unload(m)
		return nil, fmt.Errorf("kernel %s for %s: %w", name, b.target, err)
	}
	b.loaded[name], b.modules = l, append(b.modules, m)
	return l, nil
}

// enter finds a module's entry and readies it.
func (b *Backend) enter(l *loaded, m module) error {
	entry := append([]byte(l.Entry), 0)
	if err := b.check("cuModuleGetFunction", b.Function(&l.function, m, &entry[0])); err != nil {
		return err
	}
	if l.shared > b.card.shared {
		return fmt.Errorf("it wants %d bytes of shared memory, the card gives a block %d", l.shared, b.card.shared)
	}
	if l.shared > 48<<10 {
		if err := b.check("cuFuncSetAttribute", b.SetFunction(l.function, functionShared, int32(l.shared))); err != nil {
			return err
		}
	}
	if b.Parameter == nil {
		return nil
	}
	at := uint64(0)
	for i := range len(l.Args) + 2 {
		want := uint64(8)
		if i < len(l.Args) {
			want = uint64(l.Args[i].Size())
		}
		at = (at + want - 1) / want * want
		var offset, size uint64
		if err := b.check("cuFuncGetParamInfo", b.Parameter(l.function, uint64(i), &offset, &size)); err != nil {
			return err
		}
		if offset != at || size != want {
			return fmt.Errorf("the driver has parameter %d at %d with %d bytes, the manifest at %d with %d", i, offset, size, at, want)
		}
		at += want
	}
	return nil
}

// start leaves kernels to a lane, in their order.
func (b *Backend) start(lane tensor.Lane, all []launch) error {
	if err := b.state(); err != nil {
		return err
	}
	q := &b.lanes[lane]
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range all {
		if l.grid[0]*l.grid[1]*l.grid[2] > 0 {
			q.pending = append(q.pending, l)
		}
	}
	return nil
}

// launch calls one kernel: the variant that is promised alignment, where there is one
// and the arguments keep the promise.
func (b *Backend) launch(lane tensor.Lane, l launch) error {
	if c, ok := l.args.(*copyRows); ok {
		return b.check("cuMemcpy2DAsync", b.Copy(c, b.lanes[lane].stream))
	}
	args, name := reflect.ValueOf(l.args).Elem(), l.kernel+"_aligned"
	if k := b.kernels.Kernel(name); k == nil || !aligned(k, args) {
		name = l.kernel
	}
	k, err := b.load(name)
	if err != nil {
		return err
	}
	if !aligned(k.Kernel, args) {
		return fmt.Errorf("kernel %s: an address or a size is no multiple of 16", name)
	}
	return b.call(b.lanes[lane].stream, k, l, args.Addr().UnsafePointer())
}

func (b *Backend) call(on stream, k *loaded, l launch, args unsafe.Pointer) error {
	if l.grid[0] > 1<<31-1 || l.grid[1] > 65535 || l.grid[2] > 65535 {
		return fmt.Errorf("kernel %s: %v blocks are more than a card takes", k.Name, l.grid)
	}
	var none [2]uint64 // Triton's scratch pointers, unused
	params := make([]unsafe.Pointer, 0, len(k.fields)+2)
	for _, off := range k.fields {
		params = append(params, unsafe.Add(args, off))
	}
	params = append(params, unsafe.Pointer(&none[0]), unsafe.Pointer(&none[1]))
	grid := [3]uint32{uint32(l.grid[0]), uint32(l.grid[1]), uint32(l.grid[2])}
	code := b.Launch(k.function, grid, [3]uint32{uint32(32 * k.Warps), 1, 1}, uint32(k.shared), on, &params[0])
	runtime.KeepAlive(l.args)
	if err := b.check("cuLaunchKernel", code); err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	return nil
}

// errFault is what an index outside its table is.
var errFault = errors.New("a token id, position, place or page lies outside its table")

// settle sends what a lane has gathered, waits for it and returns what went wrong, or
// that an index was outside.
func (b *Backend) settle(lane tensor.Lane) error {
	return b.do(func() error {
		q := &b.lanes[lane]
		if err := b.flush(lane); err != nil {
			return err
		}
		if err := b.check("cuStreamSynchronize", b.SyncStream(q.stream)); err != nil {
			return err
		}
		if err := b.measure(lane); err != nil || !q.faults {
			return err
		}
		q.faults = false
		return b.fault(lane)
	})
}

// fault reads the lane's fault, and clears it.
func (b *Backend) fault(lane tensor.Lane) error {
	slot, err := b.slot()
	if err != nil {
		return err
	}
	at, on := b.faultOf(lane), b.lanes[lane].stream
	c := copyRows{srcType: cardMemory, srcCard: at, srcPitch: 4, dstType: hostMemory, dstHost: slot.host, dstPitch: 4, width: 4, height: 1}
	if err := b.transfer(&c, slot, on); err != nil {
		return err
	}
	if err := b.check("cuStreamSynchronize", b.SyncStream(on)); err != nil {
		return err
	}
	if *(*int32)(slot.host) == 0 {
		return nil
	}
	if err := b.check("cuMemsetD8Async", b.Fill(at, 0, 4, on)); err != nil {
		return err
	}
	return errFault
}

// faultOf is the lane's word that kernels set.
func (b *Backend) faultOf(lane tensor.Lane) address { return b.faults.at + 256*address(lane) }
