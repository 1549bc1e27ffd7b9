package hub

import (
	"archive/tar"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A bundle is a tar archive of models, for machines without a network:
//
//	emblem-bundle.json  a bundleIndex
//	0/HASH              the bytes of the first model's files, each once
//	1/HASH              …
//
// It says nothing about where files go but in its index, whose names are checked as
// those of a pull are.
const bundleIndexName = "emblem-bundle.json"

// bundleIndex lists what a bundle has.
type bundleIndex struct {
	Format int       `json:"format"` // 1
	Models []bundled `json:"models"`
}

// bundled is one model. Without a repository it is a folder.
type bundled struct {
	Name string `json:"name"` // public
	record
}

const (
	maxBundled     = 64
	maxBundleIndex = 16 << 20 // bytes
)

// Bundle writes models into a new archive at path, which is there whole or not at
// all. Every file is checked against its hash on its way. note gets a sentence a
// model; it may be nil.
func Bundle(ctx context.Context, path string, models []Found, note func(string)) (bytes int64, err error) {
	index := bundleIndex{Format: 1}
	for _, m := range models {
		b, err := describeBundled(ctx, m)
		if err != nil {
			return 0, err
		}
		if note != nil {
			note(fmt.Sprintf("%s: %d files, %s", b.Name, len(b.Files), Bytes(b.bytes())))
		}
		index.Models = append(index.Models, b)
	}
	if err := index.check(); err != nil {
		return 0, err
	}
	tmp := path + ".incomplete"
	f, err := os.Create(tmp)
	if err != nil {
		return 0, fmt.Errorf("hub: %w", err)
	}
	w := &counter{w: f}
	err = errors.Join(index.write(ctx, w, models), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("hub: the bundle %s: %w", path, err), os.Remove(tmp))
	}
	return w.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// describeBundled hashes a model's files, in the hub's way.
func describeBundled(ctx context.Context, m Found) (bundled, error) {
	if m.Builtin != "" {
		return bundled{}, fmt.Errorf("hub: %s is a part of the program; it needs no bundle", m.Name)
	}
	b := bundled{Name: m.Name, record: record{Repo: m.Repo, Revision: m.Revision, Commit: m.Commit}}
	err := filepath.WalkDir(m.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(m.Dir, path)
		if err != nil {
			return err
		}
		f, err := hashFile(path, filepath.ToSlash(name))
		b.Files = append(b.Files, f)
		return err
	})
	if err != nil {
		return bundled{}, fmt.Errorf("hub: %s: %w", m.Name, err)
	}
	return b, nil
}

func (b bundled) bytes() (n int64) {
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

// hashFile is a file as the hub would list it.
func hashFile(path, name string) (remoteFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return remoteFile{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return remoteFile{}, err
	}
	if !info.Mode().IsRegular() {
		return remoteFile{}, fmt.Errorf("%s is not a file", name)
	}
	f := remoteFile{Name: name, Size: info.Size(), Etag: strings.Repeat("0", 40)}
	if isWeights(name) {
		f.Etag = strings.Repeat("0", 64)
	}
	h := hasher(f)
	if _, err := io.Copy(h, file); err != nil {
		return remoteFile{}, err
	}
	f.Etag = hex.EncodeToString(h.Sum(nil))
	return f, nil
}

// hasher computes an etag: the SHA-256 of large files, git's hash of others.
func hasher(f remoteFile) hash.Hash {
	if len(f.Etag) == 64 {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.Size)
	return h
}

// check refuses an index that no Bundle writes.
func (x bundleIndex) check() error {
	if x.Format != 1 {
		return fmt.Errorf("hub: the bundle has format %d, this version reads 1", x.Format)
	}
	if len(x.Models) == 0 || len(x.Models) > maxBundled {
		return fmt.Errorf("hub: the bundle has %d models, want 1 to %d", len(x.Models), maxBundled)
	}
	for _, m := range x.Models {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (b bundled) check() error {
	inCache := b.Repo != ""
	switch {
	case inCache && (!validRepo(b.Repo) || !strings.Contains(b.Repo, "/") || !commitID.MatchString(b.Commit) || !validRevision(b.Revision)):
		return fmt.Errorf("hub: the bundle's model %q has no valid repository, revision or commit", printable(b.Name))
	case !inCache && (!segment.MatchString(b.Name) || b.Revision != "" || b.Commit != ""):
		return fmt.Errorf("hub: the bundle's model %q has no name that a folder can have", printable(b.Name))
	case len(b.Files) == 0 || len(b.Files) > maxFiles:
		return fmt.Errorf("hub: the bundle's model %q has %d files, want 1 to %d", printable(b.Name), len(b.Files), maxFiles)
	}
	seen, sizes := map[string]bool{}, map[string]int64{}
	for _, f := range b.Files {
		if err := safeName(f.Name); err != nil {
			return err
		}
		size, again := sizes[f.Etag]
		if !commitID.MatchString(f.Etag) || f.Size < 0 || f.Size > maxFile || seen[f.Name] || again && size != f.Size {
			return fmt.Errorf("hub: the bundle's file %q has no valid size or hash, or is there twice", printable(f.Name))
		}
		seen[f.Name], sizes[f.Etag] = true, f.Size
	}
	return nil
}

// distinct are the files with different bytes.
func (b bundled) distinct() (files []remoteFile) {
	seen := map[string]bool{}
	for _, f := range b.Files {
		if !seen[f.Etag] {
			seen[f.Etag] = true
			files = append(files, f)
		}
	}
	return files
}

// write writes the archive.
func (x bundleIndex) write(ctx context.Context, w io.Writer, models []Found) error {
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: bundleIndexName, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := t.Write(text); err != nil {
		return err
	}
	for i, m := range x.Models {
		for _, f := range m.distinct() {
			if err := writeBundled(ctx, t, i, f, models[i].Dir); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

func writeBundled(ctx context.Context, t *tar.Writer, model int, f remoteFile, dir string) error {
	if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d/%s", model, f.Etag), Mode: 0o644, Size: f.Size}); err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer file.Close()
	h := hasher(f)
	n, err := io.Copy(io.MultiWriter(t, h), canceled{ctx, file})
	if err == nil && (n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.Etag) {
		err = fmt.Errorf("%s has changed while it was being packed", f.Name)
	}
	return err
}

// canceled is a reader that ends with its context.
type canceled struct {
	ctx context.Context
	io.Reader
}

func (c canceled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}
