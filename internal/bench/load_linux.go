package bench

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forget takes files out of the system's cache.
func forget(files []string) error {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil { // what is not on the disk yet would stay
			return err
		}
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return fmt.Errorf("bench: %s cannot be taken out of the cache: %w", name, err)
		}
	}
	return nil
}

// resident is a line of the process's memory, VmRSS or VmHWM, in bytes.
func resident(line string) (bytes int64) {
	text, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := strings.Cut(string(text), line+":"); ok {
		fmt.Sscan(rest, &bytes)
	}
	return bytes << 10
}
