//go:build linux && (amd64 || arm64) && !nodynamic

package cuda

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libraries are where the driver is looked for, in this order.
var libraries = []string{"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"}

// open loads the driver's library and finds every function of the table.
func open() (*driver, error) {
	var lib uintptr
	var first error
	for _, name := range libraries {
		var err error
		if lib, err = purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL); err == nil {
			break
		}
		if first == nil {
			first = err
		}
	}
	if lib == 0 {
		return nil, &absent{fmt.Sprintf("no NVIDIA driver: %v", first)}
	}
	d := &driver{}
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		name, optional, _ := strings.Cut(v.Type().Field(i).Tag.Get("cuda"), ",")
		at, err := purego.Dlsym(lib, name)
		switch {
		case err == nil && name == "cuLaunchKernel":
			d.Launch = launcher(at)
		case err == nil:
			purego.RegisterFunc(v.Field(i).Addr().Interface(), at)
		case optional == "":
			return nil, fmt.Errorf("cuda: the driver is too old, or broken: it has no %s; install a driver of CUDA 12 or newer", name)
		}
	}
	return d, nil
}

// launcher calls cuLaunchKernel with no more than it takes: it is called hundreds of
// times a forward pass.
func launcher(at uintptr) func(function, [3]uint32, [3]uint32, uint32, stream, *unsafe.Pointer) Code {
	return func(f function, grid, block [3]uint32, shared uint32, s stream, args *unsafe.Pointer) Code {
		code, _, _ := purego.SyscallN(at, uintptr(f), uintptr(grid[0]), uintptr(grid[1]), uintptr(grid[2]),
			uintptr(block[0]), uintptr(block[1]), uintptr(block[2]), uintptr(shared), uintptr(s), uintptr(unsafe.Pointer(args)), 0)
		runtime.KeepAlive(args)
		return Code(int32(code))
	}
}
