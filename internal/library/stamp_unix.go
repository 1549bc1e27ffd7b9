//go:build unix

package library

import (
	"io/fs"
	"syscall"
)

// inode is the file's id within its file system.
func inode(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Ino)
	}
	return 0
}
