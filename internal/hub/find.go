package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Options are where to look.
type Options struct {
	Cache string // the shared cache; "" is CacheDir()
}

// Found is a model's place.
type Found struct {
	Dir      string // the folder; "" for a built-in model
	Name     string // to show and to ask for: the last part of the folder or repository, or builtin/…; never a path
	Repo     string // ORG/NAME, if it is from the cache
	Revision string // as asked for, or main
	Commit   string // what Revision stands for
	Builtin  string // "search", "ask" or "draw" for a built-in model, else ""
}

// Find resolves a model's name. What is not here is a *[NotFound]: with a
// repository to pull if the name is one, without if it can only be a folder
// (because it has a backslash, say). Other errors are about names that are
// neither.
func Find(name string, opt Options) (Found, error) {
	if err := checkText(name); err != nil {
		return Found{}, err
	}
	if found, ok := findFolder(name); ok {
		return found, nil
	}
	if rest, ok := strings.CutPrefix(name, "builtin/"); ok {
		return findBuiltin(name, rest)
	}
	if pathLike(name) {
		return Found{}, &NotFound{Name: name, Detail: missingPath(name)}
	}
	repo, revision, err := splitName(name)
	if err != nil {
		return Found{}, err
	}
	alias := aliasOf(repo)
	if alias != nil {
		repo = alias.Repo
	}
	if !strings.Contains(repo, "/") {
		return Found{}, &NotFound{Name: name, Detail: "no folder here and no alias has that name; name a folder, or ORG/NAME of the Hugging Face cache (see emblem models)", Similar: similar(repo)}
	}
	return findCached(name, repo, revision, alias, opt)
}

// findFolder is the first rule.
func findFolder(name string) (Found, bool) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return Found{}, false
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return Found{}, false
	}
	if repo, commit, ok := snapshotRepo(abs); ok {
		return Found{Dir: abs, Name: lastPart(repo), Repo: repo, Revision: commit, Commit: commit}, true
	}
	base := filepath.Base(abs)
	if base == filepath.VolumeName(abs) || strings.ContainsRune(base, filepath.Separator) { // a file system's root
		base = "model"
	}
	return Found{Dir: abs, Name: base}, true
}

// snapshotRepo recognises a folder of the cache that was named by its path: its
// last part would be a commit, which tells nobody anything.
func snapshotRepo(abs string) (repo, commit string, ok bool) {
	commit = filepath.Base(abs)
	up := filepath.Dir(abs)
	folder, isModel := strings.CutPrefix(filepath.Base(filepath.Dir(up)), "models--")
	if !isModel || filepath.Base(up) != "snapshots" || !commitID.MatchString(commit) {
		return "", "", false
	}
	repo = strings.ReplaceAll(folder, "--", "/")
	return repo, commit, validRepo(repo)
}

func findBuiltin(name, rest string) (Found, error) {
	switch rest {
	case "search", "ask", "draw":
		return Found{Name: name, Builtin: rest}, nil
	}
	return Found{}, &NotFound{Name: name, Detail: "the built-in models are builtin/search, builtin/ask and builtin/draw"}
}

// missingPath says what is where a folder was expected.
func missingPath(name string) string {
	switch info, err := os.Stat(name); {
	case err == nil && !info.IsDir():
		return "it is a file; name the folder that holds it, with its config.json"
	case errors.Is(err, fs.ErrPermission):
		return "the folder may not be read by this user"
	}
	return "there is no such folder, and no model's name has this form; a name is an alias, ORG/NAME or ORG/NAME@REVISION"
}

// findCached looks a repository up in the shared cache.
func findCached(name, repo, revision string, alias *Alias, opt Options) (Found, error) {
	missing := &NotFound{Name: name, Repo: repo, Revision: revision, Alias: alias, Cache: opt.Cache}
	if missing.Cache == "" {
		missing.Cache = CacheDir()
	}
	if missing.Cache == "" {
		missing.Detail = "there is no home folder and so no Hugging Face cache; set HF_HUB_CACHE"
		return Found{}, missing
	}
	dir := repoDir(missing.Cache, repo)
	tried := cachedCandidates(revision, alias)
	for _, weights := range []*regexp.Regexp{safetensorsFile, weightFile} {
		for _, rev := range tried {
			folder, commit, err := snapshot(dir, rev, weights)
			if err == nil {
				return Found{Dir: folder, Name: lastPart(repo), Repo: repo, Revision: rev, Commit: commit}, nil
			}
			if !errors.Is(err, errNotCached) {
				missing.Detail = err.Error()
			}
		}
	}
	missing.Cached = slices.DeleteFunc(cachedRevisions(dir), func(rev string) bool { return slices.Contains(tried, rev) })
	return Found{}, missing
}

// converted is where the hub keeps the safetensors it made of a repository that
// has none.
const converted = "refs/convert/safetensors"

// cachedCandidates are the revisions to look for in the cache, best first: without a
// revision, also the converted weights that a pull took instead.
func cachedCandidates(asked string, alias *Alias) []string {
	list := revisions(asked, alias)
	if asked == "" {
		list = append(list, converted)
	}
	return list
}

// revisions are what to try, best first.
func revisions(asked string, alias *Alias) []string {
	switch {
	case asked != "":
		return []string{asked}
	case alias != nil && alias.Revision != "":
		return []string{alias.Revision, "main"}
	}
	return []string{"main"}
}
