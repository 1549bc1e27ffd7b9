//go:build unix

package picture

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is no regular file is refused without waiting for a writer.
func TestOpenRefusesPipesAndDevices(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "a.jpg")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{pipe, os.DevNull, t.TempDir()} {
		for name, open := range map[string]func(string) error{
			"Open":     func(p string) error { _, err := Open(p); return err },
			"ReadFile": func(p string) error { _, err := ReadFile(p, 0); return err },
		} {
			var pe *fs.PathError
			if err := open(path); !errors.As(err, &pe) || pe.Err != errNotRegular {
				t.Errorf("%s(%q): %v", name, path, err)
			}
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if _, err := ReadFile(path, 0); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path, 10); err != nil || string(got) != "0123456789" {
		t.Errorf("got %q, %v", got, err)
	}
	var own *Error
	if _, err := ReadFile(path, 9); !errors.As(err, &own) || own.Kind != TooLarge {
		t.Errorf("over the limit: %v", err)
	}
}
