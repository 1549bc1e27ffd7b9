// Package durable makes changes of folders last through a power cut.
//
// Caveat: where folders cannot be synced (Windows), nothing is done, and the file
// system decides.
//
//	err := os.Rename(temp, path)
//	err = durable.SyncDir(filepath.Dir(path))
package durable

import (
	"errors"
	"os"
	"runtime"
)

// SyncDir makes renames and new files in a folder last.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
