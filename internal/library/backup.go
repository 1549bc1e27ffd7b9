package library

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/durable"
)

// noteID names a library for ever, so that a folder of backups knows its own.
const noteID = "id"

// ownerFile, in a folder of backups, has the id of the library that they are of.
const ownerFile = "library"

// Backup puts the library into a folder of backups, beside the earlier ones, and then
// removes all but the newest keep of them; 0 keeps all. A folder with another
// library's backups is an error of KindPath.
func (l *Library) Backup(ctx context.Context, dir string, keep int) (index.BackupReport, error) {
	if err := l.claimFolder(dir); err != nil {
		return index.BackupReport{}, err
	}
	report, err := l.ix.Backup(ctx, dir)
	if err == nil && keep > 0 {
		err = index.PruneBackups(dir, keep)
	}
	return report, err
}

// claimFolder makes a folder the library's, or sees that it is.
func (l *Library) claimFolder(dir string) error {
	id, err := l.id()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, ownerFile)
	have, err := os.ReadFile(path)
	switch {
	case err == nil && strings.TrimSpace(string(have)) != id:
		return errorf(KindPath, "%s holds the backups of another library; use a folder for each", dir)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(id+"\n"), 0o600)
}

// id is the library's, made when it is first asked for.
func (l *Library) id() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	note, err := l.ix.Note(noteID)
	if !errors.Is(err, index.ErrNotFound) {
		return string(note), err
	}
	id := rand.Text()
	return id, l.ix.SetNote(noteID, []byte(id))
}

// Restore makes a library of a backup in a folder, the newest if no name is given. A
// library of that name that is there already is an error of KindName.
func (s *Store) Restore(ctx context.Context, dir, backup, name string) (index.BackupEntry, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return index.BackupEntry{}, errorf(KindPath, "no folder %q", dir)
	}
	folder, err := s.beginRestore(name)
	if err != nil {
		return index.BackupEntry{}, err
	}
	info, err := index.RestoreBackup(ctx, dir, backup, filepath.Join(folder, "index"))
	return info, errors.Join(err, s.endRestore(folder, name, err == nil))
}

// beginRestore returns an empty folder to restore into, where nobody looks for a
// library.
func (s *Store) beginRestore(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exists(name) == nil {
		return "", errorf(KindName, "there is a library %q already; restore it under another name with --library, or remove it first: emblem library rm %s", name, name)
	}
	if s.restoring[name] {
		return "", errorf(KindBusy, "library %q is being restored already", name)
	}
	dir := s.path("." + name + ".restoring")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return "", err
	}
	s.restoring[name] = true
	return dir, nil
}

// endRestore gives what was restored its name, or removes what was not.
func (s *Store) endRestore(dir, name string, whole bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.restoring, name)
	if !whole {
		return os.RemoveAll(dir)
	}
	if s.exists(name) == nil {
		return errors.Join(errorf(KindName, "a library %q was made meanwhile; restore under another name with --library", name), os.RemoveAll(dir))
	}
	if err := os.Rename(dir, s.path(name)); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Join(s.dir, "libraries"))
}

// Verify reads all that the library has and says what is not as it should be.
func (l *Library) Verify(ctx context.Context) (index.VerifyReport, error) { return l.ix.Verify(ctx) }

// Rebuild makes what is derived anew.
func (l *Library) Rebuild(ctx context.Context) error { return l.ix.Rebuild(ctx) }

// Compact gives back the disk space of what was deleted and is past the retention.
func (l *Library) Compact(ctx context.Context) error { return l.ix.Compact(ctx) }
