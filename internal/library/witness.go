package library

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// witness knows which files were deleted or moved away, because the system said so.
// A disk that is taken away says nothing.
type witness struct {
	removed map[string]bool // files; each file of a removed folder has its own word
	moved   map[string]bool // files and folders, with all that was in them
}

// note remembers an event; what is made again is there.
func (s *witness) note(e fsnotify.Event) {
	if s.removed == nil {
		s.removed, s.moved = map[string]bool{}, map[string]bool{}
	}
	switch {
	case e.Has(fsnotify.Create):
		delete(s.removed, e.Name)
		delete(s.moved, e.Name)
	case e.Has(fsnotify.Remove):
		s.removed[e.Name] = true
	case e.Has(fsnotify.Rename):
		s.moved[e.Name] = true
	}
}

// deleted says whether a file that is missing was deleted or moved away.
func (s *witness) deleted(path string) bool {
	if s.removed[path] {
		return true
	}
	for len(s.moved) > 0 {
		if s.moved[path] {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
	return false
}
