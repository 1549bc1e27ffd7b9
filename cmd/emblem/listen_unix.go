//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
)

// maxSocketPath is safely below what a socket's address holds (104 bytes on
// macOS, 108 on Linux), with room for the names below the directory.
const maxSocketPath = 80

// listen makes the socket in a folder that only the user can enter and renames
// it into place: it is never open to others, and takes the place of one that a
// killed process left.
func listen(dir string) (net.Listener, error) {
	short, done, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	private, err := os.MkdirTemp(short, ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	l, err := net.Listen("unix", made)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Chmod(made, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	if err := os.Rename(made, filepath.Join(short, socketName)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// shortPath returns a way to dir that is short enough for a socket's address: a
// link in a temporary folder if dir itself is too long. done removes it.
func shortPath(dir string) (short string, done func(), err error) {
	if len(dir) <= maxSocketPath {
		return dir, func() {}, nil
	}
	tmp, err := os.MkdirTemp("/tmp", "emblem")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(tmp) }
	short = filepath.Join(tmp, "d")
	if err := os.Symlink(dir, short); err != nil {
		done()
		return "", nil, err
	}
	return short, done, nil
}
