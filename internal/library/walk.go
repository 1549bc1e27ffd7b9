package library

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Why files and folders are left out; the keys of Report.Skipped.
const (
	skipDot      = "hidden"       // the name begins with a dot
	skipSystem   = "system"       // a system's own folders: thumbnails, trash, packages
	skipIgnored  = "ignored"      // .emblemignore
	skipExcluded = "excluded"     // --exclude
	skipLink     = "link"         // a link to what is walked anyway, or nowhere
	skipSpecial  = "not_a_file"   // a device, a socket, a pipe
	skipOther    = "not_pictures" // no picture by its first bytes
	skipChanged  = "changed"      // other content than the vector is of; Migrate only
)

// candidate is a file that may be a picture.
type candidate struct {
	path string
	stamp
}

// walk visits folders. Every real folder is entered once, so that loops end.
type walk struct {
	ctx     context.Context
	log     *slog.Logger
	exclude globs
	roots   []string
	real    []string // the roots with their links resolved
	entered map[string]bool
	inside  bool // no link is followed
	found   func(candidate)
	skipped map[string]int
	dirs    []string // every folder that was entered
	unread  []string // folders whose content is not known
	root    string   // the one that is being walked
}

func newWalk(ctx context.Context, log *slog.Logger, roots []string, exclude globs, found func(candidate)) *walk {
	w := &walk{ctx: ctx, log: log, exclude: exclude, roots: roots, entered: map[string]bool{}, found: found, skipped: map[string]int{}}
	for _, r := range roots {
		if real, err := filepath.EvalSymlinks(r); err == nil {
			w.real = append(w.real, real)
		}
	}
	return w
}

// run walks every root and returns the first error, which is the context's.
func (w *walk) run() error {
	for _, root := range w.roots {
		w.root = root
		info, err := os.Stat(root)
		if err != nil {
			continue // told with the root's vanished files
		}
		if !info.IsDir() {
			w.file(root, info)
			continue
		}
		if err := w.dir(root, nil); err != nil {
			return err
		}
	}
	return nil
}

// dir walks one folder, which has passed the rules.
func (w *walk) dir(dir string, rules *ruleSet) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		w.cannotRead(dir, err)
		return nil
	}
	if w.entered[real] {
		w.skipped[skipLink]++
		return nil
	}
	w.entered[real] = true
	w.dirs = append(w.dirs, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.cannotRead(dir, err)
		if len(entries) == 0 {
			return nil
		}
	}
	if rules, err = readRules(rules, dir); err != nil {
		w.log.Warn("not all patterns of a folder can be read; the others count", "folder", dir, "error", err)
	}
	for _, e := range entries {
		if err := w.entry(filepath.Join(dir, e.Name()), e, rules); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) cannotRead(dir string, err error) {
	w.unread = append(w.unread, dir)
	w.log.Warn("a folder cannot be read; what is known of it stays", "folder", dir, "error", reasonOf(err))
}

func (w *walk) entry(path string, e fs.DirEntry, rules *ruleSet) error {
	if why := w.skip(path, e, rules); why != "" {
		w.skipped[why]++
		return nil
	}
	if e.Type()&fs.ModeSymlink != 0 {
		return w.link(path, rules)
	}
	if e.IsDir() {
		return w.dir(path, rules)
	}
	info, err := e.Info()
	if err != nil {
		return nil // gone since the folder was read
	}
	w.file(path, info)
	return nil
}

func (w *walk) file(path string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		w.skipped[skipSpecial]++
		return
	}
	w.found(candidate{path, stampOf(info)})
}

// link follows a link that leads out of the roots, to a file or a folder. One
// that leads into them, or to a folder above them, would only repeat them.
func (w *walk) link(path string, rules *ruleSet) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || w.inside || slices.ContainsFunc(w.real, func(r string) bool { return Within(real, r) || Within(r, real) }) {
		w.skipped[skipLink]++
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		w.skipped[skipLink]++
		return nil
	}
	if info.IsDir() {
		if rules.ignores(path, true) {
			w.skipped[skipIgnored]++
			return nil
		}
		return w.dir(path, rules)
	}
	if w.entered[real] {
		w.skipped[skipLink]++
		return nil
	}
	w.entered[real] = true
	w.file(path, info)
	return nil
}

// skip says why an entry is left out, or "".
func (w *walk) skip(path string, e fs.DirEntry, rules *ruleSet) string {
	name := e.Name()
	switch {
	case name == ignoreFile:
		return skipDot
	case strings.HasPrefix(name, "."):
		return skipDot
	case slices.Contains([]string{"@eaDir", "#recycle", "node_modules"}, name), isDerivatives(path):
		return skipSystem
	case w.exclude.match(w.root, path):
		return skipExcluded
	case rules.ignores(path, e.IsDir()):
		return skipIgnored
	}
	return ""
}

// isDerivatives recognises the thumbnails inside a photo library of macOS.
func isDerivatives(path string) bool {
	resources, name := filepath.Split(path)
	pack, sub := filepath.Split(filepath.Clean(resources))
	return name == "derivatives" && sub == "resources" && strings.HasSuffix(filepath.Clean(pack), ".photoslibrary")
}

// Within says whether path is dir or below it. Both are clean.
func Within(path, dir string) bool {
	if path == dir {
		return true
	}
	if !strings.HasSuffix(dir, string(filepath.Separator)) {
		dir += string(filepath.Separator)
	}
	return strings.HasPrefix(path, dir)
}

// cleanRoots makes roots absolute and drops those that lie in others.
func cleanRoots(paths []string) ([]string, error) {
	var roots []string
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		roots = append(roots, abs)
	}
	slices.Sort(roots)
	roots = slices.Compact(roots)
	return slices.DeleteFunc(slices.Clone(roots), func(r string) bool {
		first := slices.Index(roots, r)
		return slices.ContainsFunc(roots[:first], func(o string) bool { return Within(r, o) })
	}), nil
}

// reasonOf is an error without the path that the message names anyway.
func reasonOf(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
