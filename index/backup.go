package index

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A folder of backups holds
//
//	objects/xx/<sha256>               a file's bytes under their hash, xx its beginning
//	backups/<time>-<sequence>.json    a backup's manifest, written last
//	incoming/                         files that are not whole yet
//	lock                              held while the folder is changed
//
// A file that several backups have is there once.

// BackupEntry describes a backup.
type BackupEntry struct {
	Name  string    `json:"-"`
	Time  time.Time `json:"time"`
	Seq   uint64    `json:"seq"` // the last write in it
	Bytes int64     `json:"-"`   // of its files
	Files int       `json:"-"`
}

// A BackupReport is what a Backup did.
type BackupReport struct {
	BackupEntry
	Copied      int   // files that no earlier backup had
	CopiedBytes int64 // and their size
}

// backupManifest is what a backup consists of.
type backupManifest struct {
	Version int          `json:"version"`
	Format  string       `json:"format"` // of the index
	Files   []backupFile `json:"files"`
	BackupEntry
}

type backupFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Hash string `json:"sha256"`
}

const (
	backupVersion  = 1
	backupSuffix   = ".json"
	mostManifest   = 64 << 20 // bytes
	backupTime     = "20060102T150405.000Z"
	checkpointTemp = "backing-up"
)

// Backup puts the index as it is at one moment into a folder of backups, beside the
// earlier ones; writes go on meanwhile. Files that the folder has already are not
// copied again. When it returns, the backup is on disk. What is derived is not in it:
// it is made anew after a restore.
func (ix *Index) Backup(ctx context.Context, dir string) (BackupReport, error) {
	leave, err := ix.enter()
	if err != nil {
		return BackupReport{}, err
	}
	defer leave()
	ix.backing.Lock()
	defer ix.backing.Unlock()
	v, err := openVault(ix.fs(), dir)
	if err != nil {
		return BackupReport{}, backupError(dir, err)
	}
	defer v.close()
	from := ix.fs().PathJoin(ix.dir, checkpointTemp)
	defer ix.fs().RemoveAll(from)
	seq, err := ix.checkpoint(from)
	if err != nil {
		return BackupReport{}, backupError(dir, err)
	}
	report, err := v.store(ctx, from, seq, time.Now())
	return report, backupError(dir, err)
}

func backupError(dir string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("index: backup in %s: %w", dir, err)
}

// checkpoint makes a second store of hard links and finds out what is in it.
func (ix *Index) checkpoint(to string) (seq uint64, err error) {
	if err := ix.fs().RemoveAll(to); err != nil {
		return 0, err
	}
	// What is in the log alone would come again with the next backup, as a table.
	if err := ix.db.Flush(); err != nil {
		return 0, err
	}
	if err := ix.db.Checkpoint(to, pebble.WithFlushedWAL()); err != nil {
		return 0, err
	}
	o := storeOptions(ix.opts, &pebble.EventListener{})
	o.ReadOnly = true
	db, err := pebble.Open(to, o)
	if err != nil {
		return 0, err
	}
	seq, err = counterOf(db, keySeq)
	return seq, errors.Join(err, db.Close())
}

// Backups lists the backups in a folder, the oldest first.
func Backups(dir string) ([]BackupEntry, error) {
	infos, err := (&vault{fs: vfs.Default, dir: dir}).list()
	return infos, backupError(dir, err)
}

// PruneBackups removes all but the newest backups from a folder, and the files that
// none of those has.
func PruneBackups(dir string, keep int) error {
	return backupError(dir, pruneBackups(vfs.Default, dir, keep))
}

func pruneBackups(fs vfs.FS, dir string, keep int) error {
	v, err := openVault(fs, dir)
	if err != nil {
		return err
	}
	defer v.close()
	return v.prune(keep)
}

func (m *backupManifest) check() error {
	if m.Version != backupVersion {
		return fmt.Errorf("the manifest has version %d, this emblem reads %d", m.Version, backupVersion)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch sum, err := hex.DecodeString(f.Hash); {
		case !plainName(f.Name) || seen[f.Name]:
			return fmt.Errorf("the manifest has a file named %q", f.Name)
		case err != nil || len(sum) != 32 || strings.ToLower(f.Hash) != f.Hash:
			return fmt.Errorf("the manifest has no hash of %s", f.Name)
		case f.Size < 0:
			return fmt.Errorf("the manifest has a size of %d for %s", f.Size, f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// plainName says whether a name is one of a file in a store, and nothing else: no
// path, nothing hidden, nothing that a system takes for a device.
func plainName(name string) bool {
	if name == "" || len(name) > 100 || name[0] == '.' || name[0] == '-' || strings.HasSuffix(name, ".") || path.Base(name) != name {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	})
}

func (m *backupManifest) info(name string) BackupEntry {
	i := m.BackupEntry
	i.Name, i.Files = name, len(m.Files)
	for _, f := range m.Files {
		i.Bytes += f.Size
	}
	return i
}

// parseManifest reads a manifest and refuses what no Backup writes.
func parseManifest(r io.Reader) (m backupManifest, err error) {
	body, err := io.ReadAll(io.LimitReader(r, mostManifest+1))
	if err != nil {
		return m, err
	}
	if len(body) > mostManifest {
		return m, fmt.Errorf("the manifest has more than %d bytes", mostManifest)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("the manifest is damaged: %w", err)
	}
	return m, m.check()
}

// sorted are the names of manifests, oldest first, without their suffix.
func sortedManifests(names []string) []string {
	var out []string
	for _, n := range names {
		if name, ok := strings.CutSuffix(n, backupSuffix); ok && plainName(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
