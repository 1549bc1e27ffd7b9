package hub

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Install unpacks a bundle: models of repositories into the shared cache of opt, as a
// pull would have left them, folders as folders of dir. Nothing of a model is found
// before all of it is there and every hash is right; what is there already is not
// written again.
func Install(ctx context.Context, archive io.Reader, dir string, opt PullOptions) ([]Found, error) {
	opt = opt.withDefaults()
	t := tar.NewReader(canceled{ctx, archive})
	index, err := readBundleIndex(t)
	if err != nil {
		return nil, err
	}
	var all []*target
	defer func() {
		for _, x := range all {
			x.close()
		}
	}()
	for _, m := range index.Models {
		x, err := newTarget(ctx, m, dir, opt)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	if err := unpack(t, all); err != nil {
		return nil, err
	}
	for _, x := range all {
		for _, f := range x.missing {
			return nil, fmt.Errorf("hub: the bundle was cut off: it lacks %s of %s", f.Name, x.Name)
		}
	}
	var found []Found
	for _, x := range all {
		f, err := x.finish()
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// readBundleIndex reads the archive's first entry.
func readBundleIndex(t *tar.Reader) (index bundleIndex, err error) {
	h, err := t.Next()
	if err != nil || h.Name != bundleIndexName || h.Typeflag != tar.TypeReg || h.Size > maxBundleIndex {
		return index, errors.New("hub: this is no bundle: it does not begin with " + bundleIndexName)
	}
	text, err := io.ReadAll(t)
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		return index, fmt.Errorf("hub: the bundle's index cannot be read: %w", err)
	}
	return index, index.check()
}

// unpack hands the archive's entries to their targets. What the index does not list is
// an error, and so is whatever is not a plain file.
func unpack(t *tar.Reader, all []*target) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("hub: the bundle is damaged or was cut off: %w", err)
		}
		var model int
		var etag string
		if n, _ := fmt.Sscanf(h.Name, "%d/%s", &model, &etag); n != 2 || model < 0 || model >= len(all) || h.Name != fmt.Sprintf("%d/%s", model, etag) {
			return fmt.Errorf("hub: the bundle has an entry %q that its index does not list", printable(h.Name))
		}
		x := all[model]
		f, ok := x.missing[etag]
		if !ok && x.whole[etag] {
			continue
		}
		if !ok || h.Typeflag != tar.TypeReg || h.Size != f.Size {
			return fmt.Errorf("hub: the bundle's entry %q is not the file that its index lists", printable(h.Name))
		}
		if err := x.put(f, t); err != nil {
			return err
		}
	}
}

// target is where one model of a bundle goes: a place in the cache, or one like it
// beside the folder that it becomes.
type target struct {
	bundled
	place
	lock    *os.File
	dir     string                // of a model that is a folder, "" of one in the cache
	missing map[string]remoteFile // by hash
	whole   map[string]bool
}

func newTarget(ctx context.Context, m bundled, dir string, opt PullOptions) (*target, error) {
	x := &target{bundled: m, missing: map[string]remoteFile{}, whole: map[string]bool{}}
	if m.Repo == "" {
		x.dir = filepath.Join(dir, m.Name)
		if _, err := os.Lstat(x.dir); err == nil {
			return nil, fmt.Errorf("hub: %s is there already; remove it, or unpack to another folder", x.dir)
		}
		x.place = place{cache: filepath.Join(dir, "."+m.Name+".incomplete"), repo: "bundle/" + m.Name}
		x.Revision, x.Commit = "main", noCommit
	} else {
		if opt.Cache == "" {
			return nil, errors.New("hub: there is no home folder and so no Hugging Face cache; set HF_HUB_CACHE")
		}
		x.place = place{cache: opt.Cache, repo: m.Repo}
	}
	err := x.place.open()
	if err == nil {
		x.lock, err = x.place.lock(ctx, opt.Note)
	}
	var need int64
	for _, f := range m.distinct() {
		var there bool
		if err == nil {
			there, err = x.place.has(f)
		}
		if x.whole[f.Etag] = there; !there {
			x.missing[f.Etag] = f
			need += f.Size
		}
	}
	if err == nil {
		err = x.room(need, opt.space)
	}
	if err != nil {
		x.close()
		return nil, x.explain(err)
	}
	return x, nil
}

// noCommit stands for the commit of what has none.
const noCommit = "0000000000000000000000000000000000000000"

func (x *target) room(need int64, space func(string) (uint64, error)) error {
	free, err := space(x.place.dir())
	if err == nil && free < uint64(need)+16<<20 {
		err = &PullError{Code: "disk_full", Err: fmt.Errorf("%s needs %s more in %s, where %s is free", x.Name, Bytes(need), x.cache, Bytes(int64(min(free, 1<<62))))}
	}
	return err
}

func (x *target) close() {
	if x.lock != nil {
		x.lock.Close()
	}
	if x.root != nil {
		x.root.Close()
	}
}

// put writes a blob, which gets its name when its hash is right.
func (x *target) put(f remoteFile, r io.Reader) error {
	tmp := "blobs/" + f.Etag + ".emblem.bundle"
	file, err := x.root.Create(tmp)
	if err != nil {
		return x.explain(err)
	}
	h := hasher(f)
	_, err = io.Copy(io.MultiWriter(file, h), r)
	if err == nil && hex.EncodeToString(h.Sum(nil)) != f.Etag {
		err = fmt.Errorf("hub: the bundle's %s is damaged: its hash is not %s", f.Name, f.Etag)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = x.root.Rename(tmp, "blobs/"+f.Etag)
	}
	if err != nil {
		x.root.Remove(tmp)
		return x.explain(err)
	}
	delete(x.missing, f.Etag)
	x.whole[f.Etag] = true
	return nil
}

// finish makes the model one that is found.
func (x *target) finish() (Found, error) {
	if x.dir != "" {
		return x.finishFolder()
	}
	for _, f := range x.Files {
		if linked(x.root, x.Commit, f) {
			continue
		}
		if err := x.link(x.Commit, f); err != nil {
			return Found{}, x.explain(err)
		}
	}
	err := x.writeRecord(x.record)
	if err == nil {
		err = x.point(x.Revision, x.Commit)
	}
	return Found{Dir: x.snapshot(x.Commit), Name: lastPart(x.Repo), Repo: x.Repo, Revision: x.Revision, Commit: x.Commit}, x.explain(err)
}

// finishFolder makes plain files of the blobs and moves the folder into its place.
func (x *target) finishFolder() (Found, error) {
	for i, f := range x.Files {
		name := "snapshots/" + noCommit + "/" + f.Name
		err := x.root.MkdirAll(path.Dir(name), 0o755)
		again := slices.ContainsFunc(x.Files[i+1:], func(g remoteFile) bool { return g.Etag == f.Etag })
		switch {
		case err != nil:
		case again:
			err = x.copyBlob(f.Etag, name)
		default:
			err = x.root.Rename("blobs/"+f.Etag, name)
		}
		if err != nil {
			return Found{}, x.explain(err)
		}
	}
	if err := os.Rename(x.snapshot(noCommit), x.dir); err != nil {
		return Found{}, x.explain(err)
	}
	x.close()
	return Found{Dir: x.dir, Name: x.Name}, os.RemoveAll(x.cache)
}
