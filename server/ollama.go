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

	KeepAlive *keepAlive `json:"keep_alive"`
}

// ollamaEmbed answers Ollama's POST /api/embed. Pictures may come as data URLs
// among the input, or as bare base64 in images.
func (s *Server) ollamaEmbed(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	var body ollamaBody
	release, err := s.readOllama(w, r, &body)
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
	if len(req.inputs) == 0 {
		return s.ollamaLoad(w, r, req.model, body.KeepAlive)
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.model.keep(body.KeepAlive)
	e.header(w)
	writeJSON(w, http.StatusOK, map[string]any{
		"model": e.model.Name(), "embeddings": e.vectors,
		"total_duration": time.Since(start).Nanoseconds(), "load_duration": 0, "prompt_eval_count": e.tokens + e.patches(),
	})
	return nil
}

// ollamaLoad answers a request without inputs, which is Ollama's way to load a model
// ahead, or to give its memory back with keep_alive 0.
func (s *Server) ollamaLoad(w http.ResponseWriter, r *http.Request, model string, keep *keepAlive) error {
	c, err := s.encoderFor(model)
	if err != nil {
		return err
	}
	start := time.Now()
	if keep == nil || *keep != 0 {
		if err := c.wake(r.Context()); err != nil {
			return err
		}
	}
	c.keep(keep)
	writeJSON(w, http.StatusOK, map[string]any{"model": c.Name(), "embeddings": [][]float32{}, "load_duration": time.Since(start).Nanoseconds()})
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

// ollamaTags answers GET /api/tags with the models that there are.
func (s *Server) ollamaTags(w http.ResponseWriter, _ *http.Request) error {
	models := []any{}
	for _, c := range s.encoders {
		m := s.ollamaModel(c, c.memory())
		m["modified_at"] = s.started.Format(time.RFC3339)
		models = append(models, m)
	}
	for _, m := range s.ollamaWriters() {
		m["modified_at"] = s.started.Format(time.RFC3339)
		models = append(models, m)
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": models})
	return nil
}

// ollamaRunning answers GET /api/ps with the models whose weights are in memory.
func (s *Server) ollamaRunning(w http.ResponseWriter, _ *http.Request) error {
	models := []any{}
	for _, c := range s.encoders {
		mem := c.memory()
		if !mem.Loaded {
			continue
		}
		if mem.Expires.IsZero() {
			mem.Expires = time.Now().AddDate(100, 0, 0) // Ollama's way to say never
		}
		m := s.ollamaModel(c, mem)
		m["expires_at"], m["size_vram"] = mem.Expires.Format(time.RFC3339), 0
		models = append(models, m)
	}
	for _, m := range s.ollamaWriters() {
		m["expires_at"], m["size_vram"] = time.Now().AddDate(100, 0, 0).Format(time.RFC3339), 0
		models = append(models, m)
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": models})
	return nil
}

func (s *Server) ollamaModel(c *encoder, m Memory) map[string]any {
	return map[string]any{
		"name": c.Name(), "model": c.Name(), "size": m.Bytes, "digest": c.Fingerprint(),
		"details": map[string]any{"format": "safetensors", "family": "clip"},
	}
}

// ollamaWriters are the models that write texts.
func (s *Server) ollamaWriters() (list []map[string]any) {
	for _, e := range s.writers() {
		list = append(list, map[string]any{"name": e.ID, "model": e.ID, "size": e.Bytes, "digest": "", "details": map[string]any{"format": "safetensors", "family": "llama"}})
	}
	return list
}

// writeOllama writes an error in Ollama's shape.
func writeOllama(w http.ResponseWriter, e *Error) {
	e.writeBody(w, map[string]string{"error": e.Message})
}
