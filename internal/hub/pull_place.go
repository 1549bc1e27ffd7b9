package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/emblem-search/emblem/internal/lockfile"
)

// place is a repository's part of the cache:
//
//	models--ORG--NAME/blobs/ETAG             the bytes
//	models--ORG--NAME/snapshots/COMMIT/FILE  a link to them
//	models--ORG--NAME/refs/REVISION          a commit
//	.locks/models--ORG--NAME/emblem.lock     held while it is written
//	.locks/models--ORG--NAME/COMMIT.json     what was pulled, with hashes
//
// Names from a repository are only used through root, which nothing leaves.
type place struct {
	cache, repo string
	root        *os.Root // of models--ORG--NAME; nil until it is opened for writing
}

func (p place) dir() string                   { return repoDir(p.cache, p.repo) }
func (p place) snapshot(commit string) string { return filepath.Join(p.dir(), "snapshots", commit) }
func (p place) file(commit, name string) string {
	return filepath.Join(p.snapshot(commit), filepath.FromSlash(name))
}
func (p place) blob(etag string) string { return filepath.Join(p.dir(), "blobs", etag) }
func (p place) locks() string           { return filepath.Join(p.cache, ".locks", filepath.Base(p.dir())) }

// complete reports whether a revision is there with all of files. It writes
// nothing.
func (p place) complete(revision, commit string, files []remoteFile) bool {
	root, err := os.OpenRoot(p.dir())
	if err != nil {
		return false
	}
	defer root.Close()
	for _, f := range files {
		if !linked(root, commit, f) {
			return false
		}
	}
	if commitID.MatchString(revision) {
		return true
	}
	at, err := readRef(root, revision)
	return err == nil && at == commit
}

// linked reports whether a file is in its snapshot with its bytes.
func linked(root *os.Root, commit string, f remoteFile) bool {
	info, err := root.Stat("snapshots/" + commit + "/" + f.Name)
	return err == nil && info.Mode().IsRegular() && info.Size() == f.Size
}

// open makes the folders and opens them for writing.
func (p *place) open() error {
	err := os.MkdirAll(p.locks(), 0o755)
	if err == nil {
		err = os.MkdirAll(filepath.Join(p.dir(), "blobs"), 0o755)
	}
	if err == nil {
		p.root, err = os.OpenRoot(p.dir())
	}
	return p.explain(err)
}

// lock waits until no other pull works on the repository. The file stays; the
// lock goes with the process.
func (p place) lock(ctx context.Context, note func(string)) (*os.File, error) {
	path := filepath.Join(p.locks(), "emblem.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, p.explain(err)
	}
	for told := false; ; {
		busy, err := lockfile.Try(f)
		if err == nil && !busy {
			return f, nil
		}
		if err != nil {
			f.Close()
			return nil, &PullError{Code: "failed", Err: fmt.Errorf("%s cannot be locked: %w", path, err)}
		}
		if !told {
			note("another process is pulling " + p.repo + "; waiting for it")
			told = true
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			f.Close()
			return nil, err
		}
	}
}

// has reports whether a blob is there with the right bytes: left by a pull
// that was cut off before it was linked, or put there by hand.
func (p place) has(f remoteFile) (bool, error) {
	file, err := p.root.Open("blobs/" + f.Etag)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() != f.Size {
		return false, err
	}
	err = verify(file, f)
	if errors.Is(err, errWrongHash) {
		return false, nil // it is replaced
	}
	return err == nil, err
}

// explain gives a failure to write its reason.
func (p place) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return &PullError{Code: "cache_read_only", Err: fmt.Errorf("the cache %s may not be written (%w); set HF_HUB_CACHE to a folder that may, or pull as the user it belongs to", p.cache, err)}
	case isFull(err):
		return &PullError{Code: "disk_full", Err: fmt.Errorf("the disk with %s is full (%w); free some space and pull again: what has come so far is kept", p.cache, err)}
	}
	return &PullError{Code: codeOf(err), Err: err}
}

// link puts a blob into a snapshot: as a link, or where there are no links, as the
// file itself.
func (p place) link(commit string, f remoteFile) error {
	name := "snapshots/" + commit + "/" + f.Name
	if err := p.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := p.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !isTrue(os.Getenv("HF_HUB_DISABLE_SYMLINKS")) {
		to := strings.Repeat("../", strings.Count(name, "/")) + "blobs/" + f.Etag
		if p.root.Symlink(filepath.FromSlash(to), name) == nil {
			return nil
		}
		if p.root.Link("blobs/"+f.Etag, name) == nil {
			return nil
		}
	}
	return p.copyBlob(f.Etag, name)
}

// copyBlob makes a copy that is there whole or not at all.
func (p place) copyBlob(etag, name string) error {
	from, err := p.root.Open("blobs/" + etag)
	if err != nil {
		return err
	}
	defer from.Close()
	tmp := name + ".incomplete"
	to, err := p.root.Create(tmp)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		p.root.Remove(tmp)
		return err
	}
	return p.root.Rename(tmp, name)
}

// point writes a revision's commit, last of all: a revision that is cut off is not
// there. A commit needs none.
func (p place) point(revision, commit string) error {
	if commitID.MatchString(revision) {
		return nil
	}
	name := "refs/" + revision
	if err := p.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return replaceFile(p.root, name, []byte(commit))
}

// record is what a pull brought.
type record struct {
	Repo     string       `json:"repo"`
	Revision string       `json:"revision"`
	Commit   string       `json:"commit"`
	Licence  string       `json:"licence,omitempty"`
	Files    []remoteFile `json:"files"`
}

func (p place) writeRecord(r record) error {
	root, err := os.OpenRoot(p.locks())
	if err != nil {
		return err
	}
	defer root.Close()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return replaceFile(root, r.Commit+".json", append(text, '\n'))
}

func (p place) readRecord(commit string) (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(p.locks(), commit+".json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	for _, f := range r.Files {
		if err == nil {
			err = safeName(f.Name)
		}
	}
	return r, err
}

// present lists what is in a snapshot; a link to nothing is an error.
func (p place) present(commit string) (files []remoteFile, err error) {
	fsys := os.DirFS(p.snapshot(commit))
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := fs.Stat(fsys, name)
		if err == nil {
			files = append(files, remoteFile{Name: name, Size: info.Size()})
		}
		return err
	})
	return files, err
}

// replaceFile writes a small file that is there whole, old or new.
func replaceFile(root *os.Root, name string, text []byte) error {
	tmp := name + ".emblem.tmp"
	if err := root.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return root.Rename(tmp, name)
}
