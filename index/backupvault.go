package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// vault is a folder of backups.
type vault struct {
	fs   vfs.FS
	dir  string
	lock io.Closer
}

// openVault makes the folder if need be and keeps others from changing it.
func openVault(fs vfs.FS, dir string) (*vault, error) {
	v := &vault{fs: fs, dir: dir}
	for _, d := range []string{v.path("objects"), v.path("backups"), v.path("incoming")} {
		if err := fs.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(syncDir(fs, dir), syncDir(fs, fs.PathDir(dir))); err != nil {
		return nil, err
	}
	lock, err := fs.Lock(v.path("lock"))
	if err != nil {
		return nil, fmt.Errorf("another backup may be running there: %w", err)
	}
	v.lock = lock
	return v, v.clear("incoming")
}

func (v *vault) close() { v.lock.Close() }

func (v *vault) path(elem ...string) string {
	return v.fs.PathJoin(append([]string{v.dir}, elem...)...)
}

func (v *vault) object(hash string) string { return v.path("objects", hash[:2], hash) }

// clear removes the files in a folder.
func (v *vault) clear(dir string) error {
	names, err := v.fs.List(v.path(dir))
	for _, name := range names {
		err = errors.Join(err, v.fs.Remove(v.path(dir, name)))
	}
	return err
}

// store takes the files of a folder and writes the manifest when all are on disk.
func (v *vault) store(ctx context.Context, from string, seq uint64, now time.Time) (r BackupReport, err error) {
	m := backupManifest{Version: backupVersion, Format: formatVersion, BackupEntry: BackupEntry{Time: now.UTC(), Seq: seq}}
	names, err := v.fs.List(from)
	if err != nil {
		return r, err
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		f, copied, err := v.add(ctx, v.fs.PathJoin(from, name))
		if err != nil {
			return r, err
		}
		f.Name = name
		m.Files = append(m.Files, f)
		if copied {
			r.Copied++
			r.CopiedBytes += f.Size
		}
	}
	if err := v.sync("objects"); err != nil {
		return r, err
	}
	name := fmt.Sprintf("%s-%d", m.Time.Format(backupTime), seq)
	r.BackupEntry = m.info(name)
	return r, v.writeManifest(name, m)
}

func (v *vault) writeManifest(name string, m backupManifest) error {
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	temp := v.path("incoming", name+backupSuffix)
	if _, _, err := v.write(temp, strings.NewReader(string(body))); err != nil {
		return err
	}
	if err := v.fs.Rename(temp, v.path("backups", name+backupSuffix)); err != nil {
		return err
	}
	return errors.Join(v.sync("backups"), syncDir(v.fs, v.dir))
}

func (v *vault) sync(dir string) error { return syncDir(v.fs, v.path(dir)) }

// add copies a file into the vault if its bytes are not there yet.
func (v *vault) add(ctx context.Context, from string) (f backupFile, copied bool, err error) {
	in, err := v.fs.Open(from)
	if err != nil {
		return f, false, err
	}
	defer in.Close()
	sum := sha256.New()
	f.Size, err = io.Copy(sum, during{ctx, in})
	if err != nil {
		return f, false, err
	}
	f.Hash = hex.EncodeToString(sum.Sum(nil))
	to := v.object(f.Hash)
	if info, err := v.fs.Stat(to); err == nil && info.Size() == f.Size {
		return f, false, nil
	}
	if err := v.fs.MkdirAll(v.path("objects", f.Hash[:2]), 0o755); err != nil {
		return f, false, err
	}
	again, err := v.fs.Open(from)
	if err != nil {
		return f, false, err
	}
	defer again.Close()
	temp := v.path("incoming", f.Hash)
	hash, _, err := v.write(temp, during{ctx, again})
	if err == nil && hash != f.Hash {
		err = fmt.Errorf("%s changed while it was copied", from)
	}
	if err == nil {
		err = v.fs.Rename(temp, to)
	}
	if err == nil {
		err = v.sync(v.fs.PathJoin("objects", f.Hash[:2]))
	}
	return f, true, err
}

// write makes a file, durably, and returns the hash of its bytes.
func (v *vault) write(to string, r io.Reader) (hash string, size int64, err error) {
	out, err := v.fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(sum, out), r) // the sum first: a file may change what it was given
	if err == nil {
		err = out.Sync()
	}
	return hex.EncodeToString(sum.Sum(nil)), size, errors.Join(err, out.Close())
}

// during ends a copy with its context.
type during struct {
	ctx context.Context
	r   io.Reader
}

func (d during) Read(p []byte) (int, error) {
	if d.ctx.Err() != nil {
		return 0, context.Cause(d.ctx)
	}
	return d.r.Read(p)
}

// manifest reads the manifest of a backup.
func (v *vault) manifest(name string) (m backupManifest, err error) {
	if !plainName(name) {
		return m, fmt.Errorf("no backup is named %q", name)
	}
	f, err := v.fs.Open(v.path("backups", name+backupSuffix))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("no backup is named %q", name)
	}
	if err != nil {
		return m, err
	}
	defer f.Close()
	if m, err = parseManifest(f); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return m, err
}

func (v *vault) names() ([]string, error) {
	names, err := v.fs.List(v.path("backups"))
	return sortedManifests(names), err
}

func (v *vault) list() ([]BackupEntry, error) {
	names, err := v.names()
	if err != nil {
		return nil, err
	}
	var out []BackupEntry
	for _, name := range names {
		m, err := v.manifest(name)
		if err != nil {
			return nil, err
		}
		out = append(out, m.info(name))
	}
	return out, nil
}

// prune keeps the newest backups. The manifests go first, so that none is left
// without its files; one that cannot be read stops it, since its files are unknown.
func (v *vault) prune(keep int) error {
	names, err := v.names()
	if err != nil {
		return err
	}
	if keep < 1 {
		return fmt.Errorf("%d backups to keep; keep at least 1", keep)
	}
	used := map[string]bool{}
	old := names[:max(0, len(names)-keep)]
	for _, name := range names[len(old):] {
		m, err := v.manifest(name)
		if err != nil {
			return err
		}
		for _, f := range m.Files {
			used[f.Hash] = true
		}
	}
	for _, name := range old {
		if err := v.fs.Remove(v.path("backups", name+backupSuffix)); err != nil {
			return err
		}
	}
	if err := v.sync("backups"); err != nil {
		return err
	}
	return v.sweep(used)
}

// sweep removes the objects that are not used.
func (v *vault) sweep(used map[string]bool) error {
	dirs, err := v.fs.List(v.path("objects"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		names, err := v.fs.List(v.path("objects", dir))
		if err != nil {
			return err
		}
		for _, name := range names {
			if used[name] {
				continue
			}
			if err := v.fs.Remove(v.path("objects", dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
