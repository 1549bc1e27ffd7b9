package server

import (
	"io"
	"mime/multipart"
	"net/http"
)

// maxParts bounds the parts of a multipart request, whatever their size.
const maxParts = 1000

// field is one part of a multipart request.
type field struct {
	name     string
	filename string
	data     []byte
}

// readParts reads a multipart request within the limits of every body.
func (s *Server) readParts(w http.ResponseWriter, r *http.Request) (fields []field, release func(), err error) {
	b, release, err := s.openBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	r.Body = io.NopCloser(b)
	parts, err := r.MultipartReader()
	if err != nil {
		release()
		return nil, nil, refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "", "the request has to be multipart/form-data")
	}
	fields, err = allParts(parts)
	if err != nil {
		release()
		return nil, nil, err
	}
	allRead(w, r)
	return fields, release, nil
}

func allParts(parts *multipart.Reader) ([]field, error) {
	var out []field
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, partError(err)
		}
		if len(out) == maxParts {
			return nil, refuse(http.StatusRequestEntityTooLarge, "too_many_parts", "", "the request has over %d parts", maxParts)
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, partError(err)
		}
		out = append(out, field{p.FormName(), p.FileName(), data})
	}
}

func partError(err error) error {
	if ours(err) {
		return err
	}
	return refuse(http.StatusBadRequest, "invalid_multipart", "", "the multipart request cannot be read; it may have broken off")
}
