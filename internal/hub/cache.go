package hub

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// CacheDir is the folder of the shared cache, by the environment as Python's
// huggingface_hub reads it: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, $HF_HOME/hub,
// $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. Empty variables
// count as unset. It returns "" when there is no home folder to start from.
func CacheDir() string {
	for _, key := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} {
		if dir := os.Getenv(key); dir != "" {
			return expand(dir)
		}
	}
	if home := hubHome(); home != "" {
		return filepath.Join(home, "hub")
	}
	return ""
}

// hubHome is the folder of the cache and the token, "" if there is no home.
func hubHome() string {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return expand(dir)
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(expand(dir), "huggingface")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "huggingface")
}

// expand resolves ~ and $VARIABLE, which no shell has done for a variable set in
// a unit file or an .env.
func expand(dir string) string {
	if dir == "~" || strings.HasPrefix(dir, "~/") || strings.HasPrefix(dir, `~\`) {
		if home, err := os.UserHomeDir(); err == nil {
			dir = home + dir[1:]
		}
	}
	return os.ExpandEnv(dir)
}

// repoDir is where the cache keeps a repository.
func repoDir(cache, repo string) string {
	return filepath.Join(cache, "models--"+strings.ReplaceAll(repo, "/", "--"))
}

// commitID is a snapshot's folder name: a git hash (SHA-1 or SHA-256).
var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// errNotCached says that the cache lacks a repository or revision.
var errNotCached = errors.New("not in the cache")

// errNoWeights says that a snapshot is there, but nothing to load.
var errNoWeights = errors.New("the cache has it without weights")

// snapshot returns the folder of a repository's revision and its commit, if it
// has weights of that kind.
func snapshot(repoDir, revision string, weights *regexp.Regexp) (dir, commit string, err error) {
	root, err := os.OpenRoot(repoDir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", errNotCached
	}
	if err != nil {
		return "", "", err
	}
	defer root.Close()
	commit = revision
	if !commitID.MatchString(revision) {
		if commit, err = readRef(root, revision); err != nil {
			return "", "", err
		}
	}
	info, err := root.Stat(filepath.Join("snapshots", commit))
	if err != nil || !info.IsDir() {
		return "", "", errNotCached
	}
	dir = filepath.Join(repoDir, "snapshots", commit)
	if !hasWeights(dir, weights) {
		return "", "", errNoWeights
	}
	return dir, commit, nil
}

// readRef returns the commit that a branch, tag or pull request stands for.
// Slashes in it are folders.
func readRef(root *os.Root, revision string) (string, error) {
	f, err := root.Open(filepath.Join("refs", filepath.FromSlash(revision)))
	if err != nil {
		return "", errNotCached
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil { // a folder: refs/pr is no revision
		return "", errNotCached
	}
	commit := strings.TrimSpace(string(text))
	if !commitID.MatchString(commit) {
		return "", errors.New("its cache is damaged: refs/" + revision + " holds no commit")
	}
	return commit, nil
}

// weightFile is any format's weights: also those that will be refused, because
// then the refusal helps more than another download.
var weightFile = regexp.MustCompile(`(?i)\.(safetensors|bin|pt|pth|ckpt|pkl|msgpack|h5|onnx|gguf)$`)

// safetensorsFile is weights that can be loaded.
var safetensorsFile = regexp.MustCompile(`\.safetensors$`)

// hasWeights reports whether a snapshot holds weights, in it or in the folders of
// a pipeline's components. Links to blobs that are gone do not count: so look a
// download that was cut off and a cache copied without its blobs.
func hasWeights(dir string, weights *regexp.Regexp) bool {
	found := false
	fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() && strings.Count(path, "/") >= 2:
			return fs.SkipDir
		case !weights.MatchString(path):
			return nil
		}
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path))); err == nil && info.Mode().IsRegular() {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// cachedRevisions lists the revisions of a repository that the cache knows by
// name, at most 8.
func cachedRevisions(repoDir string) []string {
	var out []string
	fs.WalkDir(os.DirFS(repoDir), "refs", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case len(out) == 8:
			return fs.SkipAll
		case d.Type().IsRegular():
			if rev := strings.TrimPrefix(path, "refs/"); validRevision(rev) {
				out = append(out, rev)
			}
		}
		return nil
	})
	slices.Sort(out)
	return out
}
