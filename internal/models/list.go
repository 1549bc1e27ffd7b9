package models

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/hub"
)

// Entry is a model that can be opened by name.
type Entry struct {
	Model     string `json:"model"`             // the name to open it by
	Family    string `json:"family"`            // clip, siglip, open_clip; or what the folder says it is
	Does      string `json:"does,omitempty"`    // the command that it is for: search, complete, ask
	Bytes     int64  `json:"bytes"`             // of its files
	Licence   string `json:"licence,omitempty"` // of the weights, where it is known
	Where     string `json:"where"`             // builtin, the folder, or the command that gets it
	Installed bool   `json:"installed"`
	Note      string `json:"note,omitempty"`
}

// List says what there is: the built-in model, aliases of the user's whose
// model is here, and the Hugging Face cache; then the well-known models that are
// not here.
func List(aliases map[string]string) ([]Entry, error) {
	p := place{name: Default, builtin: "search"}
	list := []Entry{entry(Default, p, p.note())}
	var names []string
	for a := range aliases {
		names = append(names, a)
	}
	slices.Sort(names)
	for _, a := range names {
		if p, err := find(a, aliases); err == nil {
			list = append(list, entry(a, p, "alias of "+aliases[a]))
		}
	}
	for _, repo := range cachedRepos(hub.CacheDir()) {
		if p, err := find(repo, nil); err == nil {
			list = append(list, entry(repo, p, ""))
		}
	}
	for _, a := range hub.Aliases() {
		if !a.Later && !slices.ContainsFunc(list, func(e Entry) bool { return e.Model == a.Repo }) {
			list = append(list, Entry{Model: a.Name, Bytes: int64(a.MB) * 1e6, Licence: a.Licence, Where: "emblem pull " + a.Name, Note: a.Note})
		}
	}
	return list, nil
}

// cachedRepos lists the repositories of a cache by name.
func cachedRepos(cache string) []string {
	dirs, err := os.ReadDir(cache)
	if err != nil {
		return nil // there is no cache yet
	}
	var repos []string
	for _, d := range dirs {
		if name, ok := strings.CutPrefix(d.Name(), "models--"); ok && d.IsDir() {
			repos = append(repos, strings.Replace(name, "--", "/", 1))
		}
	}
	return repos
}

func entry(name string, p place, note string) Entry {
	e := Entry{Model: name, Does: p.does(), Where: "builtin", Installed: true, Note: note, Licence: "Apache-2.0"}
	var files fs.FS = p.files()
	if p.builtin == "" {
		e.Where, e.Licence = p.dir, hub.Licence(p.dir)
		files = os.DirFS(p.dir)
	}
	if c, err := p.folder().Config(); err == nil {
		e.Family = c.Family
	}
	fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			e.Bytes += size(p, files, path)
		}
		return nil
	})
	return e
}

// size is a file's; files of the cache are links, which os.Stat follows.
func size(p place, files fs.FS, path string) int64 {
	info, err := fs.Stat(files, path)
	if p.builtin == "" {
		info, err = os.Stat(filepath.Join(p.dir, filepath.FromSlash(path)))
	}
	if err != nil {
		return 0
	}
	return info.Size()
}
