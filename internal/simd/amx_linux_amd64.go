package simd

import (
	"sync"

	"golang.org/x/sys/unix"
)

// tilesAllowed asks Linux for the use of AMX's tiles, for the whole process and once:
// their 8 kB are saved for a process only if it asked (Documentation/arch/x86/xstate.rst).
var tilesAllowed = sync.OnceValue(func() bool {
	const (
		states    = 1<<17 | 1<<18 // XCR0: configuration and data of the tiles
		request   = 0x1023        // ARCH_REQ_XCOMP_PERM
		tilesData = 18            // the number of the state asked for
	)
	if xgetbv()&states != states {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, request, tilesData, 0)
	return errno == 0
})
