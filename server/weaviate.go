package server

import (
	"net/http"
)

type weaviateBody struct {
	Texts  []string `json:"texts"`
	Images []string `json:"images"`
}

// weaviateVectorize answers POST /vectorize of Weaviate's multi2vec-clip module.
func (s *Server) weaviateVectorize(w http.ResponseWriter, r *http.Request) error {
	var body weaviateBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	var req embedRequest
	req.addTexts("texts", body.Texts)
	if err := req.add("images", body.Images, pictureInput); err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.header(w)
	n := len(body.Texts)
	writeJSON(w, http.StatusOK, map[string]any{
		"textVectors": append([][]float32{}, e.vectors[:n]...), "imageVectors": append([][]float32{}, e.vectors[n:]...),
	})
	return nil
}

// weaviateMeta answers GET /meta.
func (s *Server) weaviateMeta(w http.ResponseWriter, _ *http.Request) error {
	c, err := s.encoderFor("")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"model": c.Name(), "dimensions": c.Dim()})
	return nil
}

// noContent answers Weaviate's probes.
func noContent(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeWeaviate writes an error in the module's shape.
func writeWeaviate(w http.ResponseWriter, e *Error) {
	e.writeBody(w, map[string]string{"error": e.Message})
}
