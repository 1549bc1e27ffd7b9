package server

import (
	"net/http"
	"slices"
	"time"
)

type modelEntry struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	OwnedBy     string `json:"owned_by"`
	Kind        string `json:"kind"`
	Dimensions  int    `json:"dimensions,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Positions   int    `json:"max_model_len,omitempty"` // tokens of a prompt with what follows
	Card        *Card  `json:"card,omitempty"`

	Loaded  bool      `json:"loaded"`              // its weights are in memory; else the next request brings them there
	Bytes   int64     `json:"bytes,omitempty"`     // that they take there, or would
	Expires time.Time `json:"expires_at,omitzero"` // when they go, if nobody uses them
}

func (s *Server) modelEntry(c *encoder) modelEntry {
	m := c.memory()
	return modelEntry{ID: c.Name(), Object: "model", Created: s.started.Unix(), OwnedBy: "emblem", Kind: "embedding", Dimensions: c.Dim(), Fingerprint: c.Fingerprint(), Card: c.card(),
		Loaded: m.Loaded, Bytes: m.Bytes, Expires: m.Expires}
}

type modelList struct {
	Object string       `json:"object"`
	Data   []modelEntry `json:"data"`
}

// listModels answers GET /v1/models.
func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) error {
	list := []modelEntry{}
	for _, c := range s.encoders {
		list = append(list, s.modelEntry(c))
	}
	writeJSON(w, http.StatusOK, modelList{"list", append(list, s.writers()...)})
	return nil
}

// writers are the models that write texts, or answer.
func (s *Server) writers() (list []modelEntry) {
	for _, c := range s.chatters {
		list = append(list, s.writerEntry(c, "chat"))
	}
	for _, c := range s.completers {
		if !slices.ContainsFunc(list, func(e modelEntry) bool { return e.ID == c.Name() }) {
			list = append(list, s.writerEntry(c, "completion"))
		}
	}
	for _, a := range s.answerers {
		if !slices.ContainsFunc(list, func(e modelEntry) bool { return e.ID == a.Name() }) {
			list = append(list, s.answererEntry(a))
		}
	}
	return list
}

// modelName is the model that a path names; a name may have one slash.
func modelName(r *http.Request) string {
	if org := r.PathValue("org"); org != "" {
		return org + "/" + r.PathValue("model")
	}
	return r.PathValue("model")
}

// getModel answers GET /v1/models/{model}.
func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	name := modelName(r)
	for _, e := range s.writers() {
		if names(e.ID, name) {
			writeJSON(w, http.StatusOK, e)
			return nil
		}
	}
	c, err := s.encoderFor(name)
	if err != nil {
		return err
	}
	stamp(w, c.Fingerprint())
	writeJSON(w, http.StatusOK, s.modelEntry(c))
	return nil
}
