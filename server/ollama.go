package server

import (
	"net/http"
	"time"
)

type ollamaBody struct {
	Model      string    `json:"model"`
	Input      oneOrMore `json:"input"`
	Images     []string  `json:"images"`
	Truncate   *bool     `json:"truncate"`
	Dimensions int       `json:"dimensions"`
}

// ollamaEmbed answers Ollama's POST /api/embed. Pictures may come as data URLs
// among the input, or as bare base64 in images.
func (s *Server) ollamaEmbed(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		r.Header.Del("Content-Type") // curl -d, as Ollama's own examples have it; nothing is changed here
	}
	var body ollamaBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	req := embedRequest{model: untagged(body.Model), dimensions: body.Dimensions, whole: body.Truncate != nil && !*body.Truncate}
	if err := req.add("input", body.Input, textOrPicture); err != nil {
		return err
	}
	if err := req.add("images", body.Images, pictureInput); err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.header(w)
	writeJSON(w, http.StatusOK, map[string]any{
		"model": e.model.Name(), "embeddings": e.vectors,
		"total_duration": time.Since(start).Nanoseconds(), "load_duration": 0, "prompt_eval_count": e.tokens + e.patches(),
	})
	return nil
}

// untagged drops Ollama's tag of a version, which none of ours has.
func untagged(model string) string {
	const latest = ":latest"
	if len(model) > len(latest) && model[len(model)-len(latest):] == latest {
		return model[:len(model)-len(latest)]
	}
	return model
}

// ollamaTags answers GET /api/tags with the loaded models.
func (s *Server) ollamaTags(w http.ResponseWriter, _ *http.Request) error {
	models := []any{}
	for _, c := range s.encoders {
		models = append(models, map[string]any{
			"name": c.Name(), "model": c.Name(), "modified_at": s.started.Format(time.RFC3339), "size": 0, "digest": c.Fingerprint(),
			"details": map[string]any{"format": "safetensors", "family": "clip"},
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": models})
	return nil
}

// writeOllama writes an error in Ollama's shape.
func writeOllama(w http.ResponseWriter, e *Error) {
	e.writeBody(w, map[string]string{"error": e.Message})
}
