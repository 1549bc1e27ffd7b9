package cuda

import (
	"fmt"
	"unsafe"
)

// Handles of the driver. They are pointers into its memory, or addresses on the card.
type (
	primary  uintptr // a context
	stream   uintptr
	event    uintptr
	module   uintptr
	function uintptr
	graph    uintptr
	replay   uintptr // an instantiated graph
	address  uint64  // on the card
)

// driver is the part of the CUDA driver API that is used, as functions: of
// libcuda.so.1, or of a card that a test pretends. Names carry the driver's version
// suffix, since the plain ones are of CUDA 2 and 3. What is optional may be nil.
type driver struct {
	Init          func(flags uint32) Code                          `cuda:"cuInit"`
	DriverVersion func(version *int32) Code                        `cuda:"cuDriverGetVersion"`
	ErrorName     func(code Code, name **byte) Code                `cuda:"cuGetErrorName"`
	ErrorString   func(code Code, text **byte) Code                `cuda:"cuGetErrorString"`
	DeviceCount   func(n *int32) Code                              `cuda:"cuDeviceGetCount"`
	Device        func(device *int32, ordinal int32) Code          `cuda:"cuDeviceGet"`
	DeviceName    func(name *byte, size, device int32) Code        `cuda:"cuDeviceGetName"`
	DeviceMemory  func(bytes *uint64, device int32) Code           `cuda:"cuDeviceTotalMem_v2"`
	Attribute     func(value *int32, attribute, device int32) Code `cuda:"cuDeviceGetAttribute"`

	Retain     func(c *primary, device int32) Code `cuda:"cuDevicePrimaryCtxRetain"`
	Unretain   func(device int32) Code             `cuda:"cuDevicePrimaryCtxRelease_v2"`
	SetCurrent func(c primary) Code                `cuda:"cuCtxSetCurrent"`
	MemoryLeft func(free, total *uint64) Code      `cuda:"cuMemGetInfo_v2"`
	Priorities func(least, greatest *int32) Code   `cuda:"cuCtxGetStreamPriorityRange"`

	Alloc     func(a *address, bytes uint64) Code                      `cuda:"cuMemAlloc_v2"`
	Free      func(a address) Code                                     `cuda:"cuMemFree_v2"`
	HostAlloc func(p *unsafe.Pointer, bytes uint64, flags uint32) Code `cuda:"cuMemHostAlloc"`
	HostFree  func(p unsafe.Pointer) Code                              `cuda:"cuMemFreeHost"`
	Fill      func(a address, b uint8, bytes uint64, s stream) Code    `cuda:"cuMemsetD8Async"`
	Copy      func(c *copyRows, s stream) Code                         `cuda:"cuMemcpy2DAsync_v2"`

	NewStream     func(s *stream, flags uint32, priority int32) Code `cuda:"cuStreamCreateWithPriority"`
	EndStream     func(s stream) Code                                `cuda:"cuStreamDestroy_v2"`
	SyncStream    func(s stream) Code                                `cuda:"cuStreamSynchronize"`
	NewEvent      func(e *event, flags uint32) Code                  `cuda:"cuEventCreate"`
	EndEvent      func(e event) Code                                 `cuda:"cuEventDestroy_v2"`
	Record        func(e event, s stream) Code                       `cuda:"cuEventRecord"`
	SyncEvent     func(e event) Code                                 `cuda:"cuEventSynchronize"`
	BetweenEvents func(ms *float32, from, to event) Code             `cuda:"cuEventElapsedTime"`

	Load        func(m *module, image *byte) Code                                                           `cuda:"cuModuleLoadData"`
	Unload      func(m module) Code                                                                         `cuda:"cuModuleUnload"`
	Function    func(f *function, m module, name *byte) Code                                                `cuda:"cuModuleGetFunction"`
	SetFunction func(f function, attribute, value int32) Code                                               `cuda:"cuFuncSetAttribute"`
	Parameter   func(f function, index uint64, offset, size *uint64) Code                                   `cuda:"cuFuncGetParamInfo,optional"` // CUDA 12.4
	Launch      func(f function, grid, block [3]uint32, shared uint32, s stream, args *unsafe.Pointer) Code `cuda:"cuLaunchKernel"`

	BeginCapture func(s stream, mode uint32) Code            `cuda:"cuStreamBeginCapture_v2"`
	EndCapture   func(s stream, g *graph) Code               `cuda:"cuStreamEndCapture"`
	Instantiate  func(r *replay, g graph, flags uint64) Code `cuda:"cuGraphInstantiateWithFlags"`
	Replay       func(r replay, s stream) Code               `cuda:"cuGraphLaunch"`
	EndReplay    func(r replay) Code                         `cuda:"cuGraphExecDestroy"`
	EndGraph     func(g graph) Code                          `cuda:"cuGraphDestroy"`
}

// Constants of cuda.h.
const (
	attributeMajor         = 75
	attributeMinor         = 76
	attributeProcessors    = 16
	attributeClock         = 13 // kHz
	attributeShared        = 97 // bytes a block may have, opted into
	functionShared         = 8  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
	streamNonBlocking      = 1
	eventTimed             = 0
	eventUntimed           = 2
	captureThreadLocal     = 1
	hostMemory, cardMemory = 1, 2 // CUmemorytype
)

// copyRows is CUDA_MEMCPY2D: rows of a number of bytes, some distance apart on
// either side.
type copyRows struct {
	_, _     uint64 // x, y
	srcType  uint32
	_        uint32
	srcHost  unsafe.Pointer
	srcCard  address
	_        uintptr // array
	srcPitch uint64
	_, _     uint64
	dstType  uint32
	_        uint32
	dstHost  unsafe.Pointer
	dstCard  address
	_        uintptr
	dstPitch uint64
	width    uint64 // bytes
	height   uint64
}

// Code is a CUresult.
type Code int32

// lost are the codes after which a context answers nothing else: CUDA calls these
// errors sticky.
var lost = map[Code]bool{
	4: true, 46: true, 214: true, 220: true, 700: true, 702: true, 709: true, 710: true,
	714: true, 715: true, 716: true, 717: true, 718: true, 719: true, 999: true,
}

// Error is a driver call that failed.
type Error struct {
	Call string // cuMemAlloc
	Code Code
	Name string // CUDA_ERROR_OUT_OF_MEMORY
	Text string // out of memory
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%s)", e.Call, e.Name, e.Text)
}

// Lost tells whether the card is of no use after this error.
func (e *Error) Lost() bool { return lost[e.Code] }

// check makes an error of a call's code.
func (d *driver) check(call string, code Code) error {
	if code == 0 {
		return nil
	}
	e := &Error{Call: call, Code: code, Name: fmt.Sprintf("CUDA error %d", code), Text: "the driver does not say what it means"}
	var s *byte
	if d.ErrorName(code, &s) == 0 && s != nil {
		e.Name = text(s)
	}
	if s = nil; d.ErrorString(code, &s) == 0 && s != nil {
		e.Text = text(s)
	}
	return e
}

// text reads a C string.
func text(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
