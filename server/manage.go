package server

import (
	"context"
	"net/http"
)

// Folder is one of the server's that may be indexed.
type Folder struct {
	Path string `json:"path"`
	Name string `json:"name"`
}

type folderList struct {
	Path    string   `json:"path"`
	Folders []Folder `json:"folders"`
}

type libraryName struct {
	Name string `json:"name"`
}

type removedAnswer struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// manageRoutes make, rename, count, check and remove libraries.
func (s *Server) manageRoutes() []route {
	const one = "/v1/libraries/:library"
	return []route{
		{method: "POST", path: "/v1/libraries", scope: ScopeAdmin, handle: s.createLibrary, body: libraryName{}, answer: LibraryEntry{}, doc: "Make an empty library."},
		{method: "PATCH", path: one, scope: ScopeAdmin, handle: s.renameLibrary, body: libraryName{}, answer: LibraryEntry{}, doc: "Give a library another name."},
		{method: "DELETE", path: one, scope: ScopeAdmin, handle: s.removeLibrary, answer: removedAnswer{}, doc: "Remove a library; pictures stay where they are."},
		{method: "GET", path: one + "/stats", scope: ScopeAdmin, handle: s.libraryStats, doc: "Count what a library holds."},
		{method: "POST", path: one + "/verify", scope: ScopeAdmin, handle: s.verifyLibrary, answer: Job{}, doc: "Read all of a library and say what is wrong: starts a job."},
		{method: "GET", path: "/v1/folders", scope: ScopeAdmin, handle: s.listFolders, query: []string{"path"}, answer: folderList{}, doc: "List the folders below a --root that can be indexed."},
	}
}

// named reads a request that is a library's name, one that the caller may use.
func (s *Server) named(w http.ResponseWriter, r *http.Request) (string, error) {
	var body libraryName
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return "", err
	}
	defer release()
	if body.Name == "" {
		return "", badRequest("name", "say the library's name")
	}
	if !callerOf(r).reaches(body.Name) {
		return "", refuse(http.StatusForbidden, "library_not_allowed", "name", "the key may not use a library of that name")
	}
	return body.Name, nil
}

// createLibrary answers POST /v1/libraries.
func (s *Server) createLibrary(w http.ResponseWriter, r *http.Request) error {
	name, err := s.named(w, r)
	if err != nil {
		return err
	}
	if _, err := s.libraryOf(r.Context(), callerOf(r), name, false); err == nil {
		return refuse(http.StatusConflict, "library_exists", "name", "there is a library %q already", clip(name))
	}
	l, err := s.libraryOf(r.Context(), callerOf(r), name, true)
	if err != nil {
		return err
	}
	return writeEntry(w, r, http.StatusCreated, l)
}

func writeEntry(w http.ResponseWriter, r *http.Request, status int, l Library) error {
	e, err := l.Entry(r.Context())
	if err == nil {
		writeJSON(w, status, e)
	}
	return err
}

// renameLibrary answers PATCH /v1/libraries/{l}.
func (s *Server) renameLibrary(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	to, err := s.named(w, r)
	if err != nil {
		return err
	}
	if err := s.Libraries.Rename(r.Context(), l.Name(), to); err != nil {
		return err
	}
	if l, err = s.Libraries.Library(r.Context(), to); err != nil {
		return err
	}
	return writeEntry(w, r, http.StatusOK, l)
}

// removeLibrary answers DELETE /v1/libraries/{l}.
func (s *Server) removeLibrary(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	if err := s.Libraries.Remove(r.Context(), l.Name()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, removedAnswer{l.Name(), "removed"})
	return nil
}

// libraryStats answers GET /v1/libraries/{l}/stats.
func (s *Server) libraryStats(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	stats, err := l.Stats(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, stats)
	return nil
}

// verifyLibrary answers POST /v1/libraries/{l}/verify with a job.
func (s *Server) verifyLibrary(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	s.startJob(w, jobVerify, l.Name(), func(ctx context.Context, _ func(done, total int)) (any, error) { return l.Verify(ctx) })
	return nil
}

// listFolders answers GET /v1/folders?path=….
func (s *Server) listFolders(w http.ResponseWriter, r *http.Request) error {
	if s.Libraries == nil {
		return refuse(http.StatusNotFound, "no_libraries", "", "this server keeps no libraries; start it without --data none")
	}
	path := r.FormValue("path")
	folders, err := s.Libraries.Folders(r.Context(), path)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, folderList{path, append([]Folder{}, folders...)})
	return nil
}
