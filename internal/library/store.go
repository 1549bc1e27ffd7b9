package library

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/emblem-search/emblem/internal/durable"
)

// Store is a data directory with its libraries:
//
//	DIR/libraries/NAME/index
//
// Only one process may have a Store of a directory; seeing to that is the
// caller's.
type Store struct {
	dir string
	// Fatal ends the process when a library cannot go on; see index.Options.
	// It is set before the first library is opened; nil means panic.
	Fatal func(error)

	mu        sync.Mutex
	open      map[string]*Library
	restoring map[string]bool
}

// OpenStore returns the store in dir. Nothing is created before a library is.
func OpenStore(dir string) (*Store, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, errorf(KindPath, "%s is a file; name a folder for the data", dir)
	}
	return &Store{dir: dir, open: map[string]*Library{}, restoring: map[string]bool{}}, nil
}

var libraryName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)

func checkName(name string) error {
	if !libraryName.MatchString(name) {
		return errorf(KindName, "library name %q: use 1 to 64 letters, digits, dots, dashes, underscores, and no dot or dash first", name)
	}
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, "libraries", name) }

// Names returns the names of all libraries, sorted.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "libraries"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && libraryName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Open returns the library of that name; it is an error of KindLibrary if there
// is none.
func (s *Store) Open(name string) (*Library, error) { return s.get(name, false) }

// Create returns the library of that name, making it if there is none.
func (s *Store) Create(name string) (*Library, error) { return s.get(name, true) }

func (s *Store) get(name string, create bool) (*Library, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.open[name]; l != nil {
		return l, nil
	}
	if err := s.exists(name); err != nil && !create {
		return nil, err
	}
	l, err := openLibrary(name, s.path(name), s.Fatal)
	if err != nil {
		return nil, err
	}
	s.open[name] = l
	return l, nil
}

// Exists says whether there is a library of that name.
func (s *Store) Exists(name string) bool {
	return checkName(name) == nil && s.exists(name) == nil
}

func (s *Store) exists(name string) error {
	if _, err := os.Stat(s.path(name)); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errorf(KindLibrary, "no library %q; make it with: emblem index --library %s PATH", name, name)
}

// Rename gives a library another name.
func (s *Store) Rename(from, to string) error {
	if err := errors.Join(checkName(from), checkName(to)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.exists(from); err != nil {
		return err
	}
	if _, err := os.Stat(s.path(to)); err == nil {
		return errorf(KindName, "there is a library %q already; remove it first: emblem library rm %s", to, to)
	}
	if err := s.shutIdle(from); err != nil {
		return err
	}
	if err := os.Rename(s.path(from), s.path(to)); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Join(s.dir, "libraries"))
}

// Remove deletes a library: its vectors and what it knows of files, never the
// files.
func (s *Store) Remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.exists(name); err != nil {
		return err
	}
	if err := s.shutIdle(name); err != nil {
		return err
	}
	// Renamed first, so that a kill leaves no half a library under the name.
	grave := s.path("." + name + ".removed")
	if err := errors.Join(os.RemoveAll(grave), os.Rename(s.path(name), grave)); err != nil {
		return err
	}
	return os.RemoveAll(grave)
}

// shutIdle closes a library that is not being indexed.
func (s *Store) shutIdle(name string) error {
	l := s.open[name]
	if l == nil {
		return nil
	}
	if l.migrating.Load() {
		return errorf(KindBusy, "library %q is being migrated; wait, or stop that first", name)
	}
	select {
	case l.indexing <- struct{}{}: // kept: this Library is done with
		return s.shut(name)
	default:
		return errorf(KindBusy, "library %q is being indexed; wait, or stop that first", name)
	}
}

// shut closes a library if it is open, after the calls that are running in it.
func (s *Store) shut(name string) error {
	l := s.open[name]
	if l == nil {
		return nil
	}
	delete(s.open, name)
	return l.close()
}

// Close closes all libraries.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name := range s.open {
		errs = append(errs, s.shut(name))
	}
	return errors.Join(errs...)
}
