package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/server"
)

// Rename implements server.Libraries.
func (s shelves) Rename(_ context.Context, from, to string) error {
	return clientError(s.host.store.Rename(from, to))
}

// Remove implements server.Libraries.
func (s shelves) Remove(_ context.Context, name string) error {
	return clientError(s.host.store.Remove(name))
}

// Folders implements server.Libraries. Links and hidden folders are left out.
func (s shelves) Folders(_ context.Context, path string) ([]server.Folder, error) {
	var out []server.Folder
	if path == "" {
		for _, root := range s.roots {
			out = append(out, server.Folder{Path: root, Name: root})
		}
		return out, nil
	}
	real, err := s.below(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil, folderNotAllowed()
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, server.Folder{Path: filepath.Join(real, e.Name()), Name: e.Name()})
		}
	}
	return out, nil
}

// below is a folder as it is on the disk, if that lies below a --root: a link that
// leads out is outside. All others look the same, so that nobody can find out what
// folders there are.
func (s shelves) below(path string) (string, error) {
	real, err := realFolder(path)
	if err != nil || !filepath.IsAbs(path) || !slices.ContainsFunc(s.roots, func(root string) bool { return library.Within(real, root) }) {
		return "", folderNotAllowed()
	}
	return real, nil
}

func folderNotAllowed() error {
	return &server.Error{Status: http.StatusForbidden, Code: "folder_not_allowed", Param: "path", Message: "there is no such folder below a --root that this server was started with"}
}
