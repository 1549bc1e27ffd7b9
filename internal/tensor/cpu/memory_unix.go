//go:build unix

package cpu

import "golang.org/x/sys/unix"

func mapMemory(n int) ([]byte, error) {
	data, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil && n >= 4<<20 {
		hugePages(data)
	}
	return data, err
}

func unmapMemory(b []byte) { _ = unix.Munmap(b) }
