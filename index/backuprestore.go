package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// RestoreBackup makes an index in target from a backup in a folder, the newest if no
// name is given. target must be empty or not exist. Every file is checked against its
// hash, and target becomes an index only when all are there and on disk: before that
// they lie in target.restoring, which another restore removes.
func RestoreBackup(ctx context.Context, dir, name, target string) (BackupEntry, error) {
	return restoreBackup(ctx, vfs.Default, dir, name, target)
}

func restoreBackup(ctx context.Context, fs vfs.FS, dir, name, target string) (BackupEntry, error) {
	v := &vault{fs: fs, dir: dir}
	m, name, err := v.choose(name)
	if err == nil {
		err = v.restore(ctx, m, target)
	}
	if err != nil {
		return BackupEntry{}, fmt.Errorf("index: restore from %s: %w", dir, err)
	}
	return m.info(name), nil
}

func (v *vault) choose(name string) (backupManifest, string, error) {
	if name == "" {
		names, err := v.names()
		if err != nil {
			return backupManifest{}, "", err
		}
		if len(names) == 0 {
			return backupManifest{}, "", errors.New("there is no backup")
		}
		name = names[len(names)-1]
	}
	m, err := v.manifest(name)
	return m, name, err
}

func (v *vault) restore(ctx context.Context, m backupManifest, target string) error {
	if err := v.free(target); err != nil {
		return err
	}
	temp := target + ".restoring"
	if err := v.fs.RemoveAll(temp); err != nil {
		return err
	}
	if err := v.fs.MkdirAll(temp, 0o755); err != nil {
		return err
	}
	if err := v.fill(ctx, m, temp); err != nil {
		return errors.Join(err, v.fs.RemoveAll(temp))
	}
	if err := v.fs.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, v.fs.RemoveAll(temp))
	}
	if err := v.fs.Rename(temp, target); err != nil {
		return err
	}
	return syncDir(v.fs, v.fs.PathDir(target))
}

// free says whether target can become an index.
func (v *vault) free(target string) error {
	names, err := v.fs.List(target)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return v.fs.MkdirAll(v.fs.PathDir(target), 0o755)
	case err != nil:
		return err
	case len(names) > 0:
		return fmt.Errorf("%s is not empty", target)
	}
	return nil
}

// fill copies the files, those that make a folder a store at the end.
func (v *vault) fill(ctx context.Context, m backupManifest, to string) error {
	files := slices.Clone(m.Files)
	slices.SortStableFunc(files, func(a, b backupFile) int { return lateness(a) - lateness(b) })
	for _, f := range files {
		if err := v.take(ctx, f, v.fs.PathJoin(to, f.Name)); err != nil {
			return err
		}
	}
	return syncDir(v.fs, to)
}

// lateness puts last what makes a folder a store.
func lateness(f backupFile) int {
	if strings.HasPrefix(f.Name, "marker") || f.Name == "CURRENT" {
		return 1
	}
	return 0
}

// take copies an object and checks it.
func (v *vault) take(ctx context.Context, f backupFile, to string) error {
	in, err := v.fs.Open(v.object(f.Hash))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the bytes of %s are missing (%s)", f.Name, f.Hash)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	hash, size, err := v.write(to, during{ctx, in})
	if err == nil && (hash != f.Hash || size != f.Size) {
		err = fmt.Errorf("the bytes of %s are damaged (%s)", f.Name, f.Hash)
	}
	return err
}
