package server

import (
	"mime"
	"net/http"
)

// readDocuments reads documents as JSON, or as a form.
func (s *Server) readDocuments(w http.ResponseWriter, r *http.Request) (*documentsBody, func(), error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		var body documentsBody
		release, err := s.readJSON(w, r, &body)
		return &body, release, err
	}
	fields, release, err := s.readParts(w, r)
	if err != nil {
		return nil, nil, err
	}
	body, err := formDocuments(fields)
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

// formDocuments reads a form: each part named document is a document in JSON, and
// a part named image or audio is the file of the document before it.
func formDocuments(fields []field) (*documentsBody, error) {
	var body documentsBody
	for i, f := range fields {
		n := len(body.Documents)
		switch {
		case f.name == "document":
			var d documentBody
			if err := unmarshal(f.data, &d); err != nil {
				return nil, err
			}
			body.Documents = append(body.Documents, d)
		case f.name != "image" && f.name != "audio":
			return nil, badRequest(at("parts", i), "the part %q is none of document, image and audio", clip(f.name))
		case n == 0 || body.Documents[n-1].file != nil:
			return nil, badRequest(at("parts", i), "%s has to follow its document: document={\"id\":…}, then %s", f.name, f.name)
		default:
			body.Documents[n-1].file = append([]byte{}, f.data...)
		}
	}
	return &body, nil
}
