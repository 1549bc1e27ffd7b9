package models

import (
	"io/fs"

	"github.com/emblem-search/emblem/internal/builtin"
	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/weights"
)

// place is where a model is. It is comparable.
type place struct {
	name    string // the public one, never a path
	dir     string
	builtin string // "search" for the built-in dual encoder
}

// files is the file system of a model that is part of the program.
func (p place) files() fs.FS {
	if p.builtin != "" {
		return builtin.Search()
	}
	return nil
}

// folder is where the model's files are.
func (p place) folder() weights.Folder { return weights.Folder{Dir: p.dir, FS: p.files()} }

// note is what people should know of the model; mostly none.
func (p place) note() string {
	if p.builtin != "" {
		return builtin.SearchNote
	}
	return ""
}

// Default is the model that is used where none is named.
const Default = "builtin/search"

// Find looks a name up: the user's aliases come after folders and the built-in
// models and before the well-known ones.
func Find(name string, aliases map[string]string) (hub.Found, error) {
	f, err := hub.Find(name, hub.Options{})
	if to, ok := aliases[name]; ok && to != name && (err != nil || f.Repo != "") {
		return Find(to, without(aliases, name))
	}
	return f, err
}

// find is Find for what this build can open.
func find(name string, aliases map[string]string) (place, error) {
	f, err := Find(name, aliases)
	if err != nil {
		return place{}, err
	}
	if f.Builtin != "" && f.Builtin != "search" {
		return place{}, &hub.NotFound{Name: name, Detail: "this build has builtin/search only"}
	}
	return place{f.Name, f.Dir, f.Builtin}, nil
}

// without is aliases less one, so that they cannot go in circles.
func without(aliases map[string]string, name string) map[string]string {
	rest := make(map[string]string, len(aliases))
	for k, v := range aliases {
		if k != name {
			rest[k] = v
		}
	}
	return rest
}
