package index

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What vectors and columns do with their files alike: each leg has a folder of
// immutable files under DIR/derived, and damaged ones go to DIR/derived/quarantine.

func (ix *Index) derivedDir(leg string) string { return ix.fs().PathJoin(ix.dir, "derived", leg) }

// makeDerivedDir makes a leg's folder, durably: a power cut must not take it with the
// files that the store names.
func (ix *Index) makeDerivedDir(leg string) error {
	fs, dir := ix.fs(), ix.derivedDir(leg)
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(syncDir(fs, fs.PathJoin(ix.dir, "derived")), syncDir(fs, ix.dir))
}

// writeDerived writes a leg's file, durably, under its name when it is whole. The
// folder is there.
func (ix *Index) writeDerived(leg, name string, write func(io.Writer) error) error {
	fs, dir := ix.fs(), ix.derivedDir(leg)
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, fs.Remove(path+".new"))
	}
	if err := fs.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// mostQuarantined is how many damaged files of a leg are kept to be looked at.
const mostQuarantined = 8

// setAside moves a leg's damaged file into quarantine.
func (ix *Index) setAside(leg, name string) error {
	fs, dir := ix.fs(), ix.derivedDir("quarantine")
	err := fs.MkdirAll(dir, 0o755)
	if err == nil {
		to := fmt.Sprintf("%s-%020d-%s", leg, time.Now().UnixNano(), name)
		err = fs.Rename(fs.PathJoin(ix.derivedDir(leg), name), fs.PathJoin(dir, to))
	}
	if names, listErr := fs.List(dir); listErr == nil {
		names = slices.DeleteFunc(names, func(s string) bool { return !strings.HasPrefix(s, leg+"-") })
		slices.Sort(names)
		for _, old := range names[:max(0, len(names)-mostQuarantined)] {
			fs.Remove(fs.PathJoin(dir, old))
		}
	}
	return err
}
