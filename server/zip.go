package server

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
)

type zipBody struct {
	IDs []string `json:"ids"`
}

const maxZipped = 500 // pictures of an archive

// zipDocuments answers POST /v1/libraries/{l}/zip with the pictures of documents
// in an archive. They are stored as they are: pictures do not get smaller.
func (s *Server) zipDocuments(w http.ResponseWriter, r *http.Request) error {
	var body zipBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	if n := len(body.IDs); n == 0 || n > maxZipped {
		return badRequest("ids", "%d ids; give 1 to %d", n, maxZipped)
	}
	first, err := l.Picture(r.Context(), body.IDs[0]) // while the answer can still be an error
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="emblem.zip"`)
	z := zip.NewWriter(w)
	names := map[string]int{}
	for i, id := range body.IDs {
		f := first
		if i > 0 {
			if f, err = l.Picture(r.Context(), id); err != nil {
				panic(http.ErrAbortHandler) // the archive is under way: break off, so that nobody takes half of it for all
			}
		}
		if err := zipOne(z, freeName(names, id), f); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if z.Close() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func zipOne(z *zip.Writer, name string, f io.ReadCloser) error {
	defer f.Close()
	out, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

// freeName is the last part of an id, with a number if it was taken.
func freeName(names map[string]int, id string) string {
	name := path.Base(strings.ReplaceAll(id, `\`, "/"))
	n := names[name]
	names[name]++
	if n == 0 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
}
