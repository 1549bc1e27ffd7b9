package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// immichEntries are the tasks of Immich's POST /predict: by task and kind, which
// model is to do it.
type immichEntries map[string]map[string]struct {
	ModelName string `json:"modelName"`
}

// immichPredict answers Immich's machine learning requests of the task clip; faces
// and text recognition go on to Immich's own, if there is one.
func (s *Server) immichPredict(w http.ResponseWriter, r *http.Request) error {
	fields, release, err := s.readParts(w, r)
	if err != nil {
		return err
	}
	defer release()
	var entries immichEntries
	var in *input
	for _, f := range fields {
		switch f.name {
		case "entries":
			if err := json.Unmarshal(f.data, &entries); err != nil {
				return badRequest("entries", "entries is not JSON that can be read")
			}
		case "image":
			in = &input{param: "image", picture: f.data}
		case "text":
			in = &input{param: "text", text: string(f.data)}
		}
	}
	if in == nil {
		return badRequest("image", "give an image or a text")
	}
	if task := entries.foreign(); task != "" {
		return s.forwardImmich(w, r, task, fields)
	}
	model, err := entries.clip(in)
	if err != nil {
		return err
	}
	return s.answerImmich(w, r, model, *in)
}

// foreign is the task that Immich's own machine learning has to do, or "". Immich
// asks for one task a request.
func (e immichEntries) foreign() string {
	for _, task := range []string{"facial-recognition", "ocr"} {
		if _, ok := e[task]; ok && len(e) == 1 {
			return task
		}
	}
	return ""
}

func (s *Server) forwardImmich(w http.ResponseWriter, r *http.Request, task string, fields []field) error {
	if s.immich == nil {
		return refuse(http.StatusNotImplemented, "unsupported_task", "entries", "the task %s is not served here; start with --immich-upstream http://HOST:PORT to send it on to Immich's own machine learning", task)
	}
	answer, err := s.immich.forward(r.Context(), task, fields)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// clip is the model of the one task that is served here.
func (e immichEntries) clip(in *input) (string, error) {
	kind := "textual"
	if in.isPicture() {
		kind = "visual"
	}
	task, ok := e["clip"][kind]
	if !ok || len(e) != 1 {
		return "", refuse(http.StatusNotImplemented, "unsupported_task", "entries", "only the task clip, %s, is served here", kind)
	}
	return task.ModelName, nil
}

func (s *Server) answerImmich(w http.ResponseWriter, r *http.Request, model string, in input) error {
	e, err := s.embedWhole(r.Context(), embedRequest{model: s.immichModel(model), inputs: []input{in}})
	if err != nil {
		return err
	}
	e.header(w)
	vector, err := json.Marshal(e.vectors[0])
	if err != nil {
		return err
	}
	answer := map[string]any{"clip": string(vector)}
	if in.isPicture() {
		answer["imageWidth"], answer["imageHeight"] = sizeOf(in.picture)
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// immichModels are Immich's names of models, and what the same weights are called
// by those who published them.
var immichModels = map[string]string{
	"ViT-B-32__openai":                 "clip-vit-base-patch32",
	"ViT-B-16__openai":                 "clip-vit-base-patch16",
	"ViT-L-14__openai":                 "clip-vit-large-patch14",
	"ViT-L-14-336__openai":             "clip-vit-large-patch14-336",
	"ViT-B-32__laion2b-s34b-b79k":      "CLIP-ViT-B-32-laion2B-s34B-b79K",
	"ViT-B-32__laion2b_s34b_b79k":      "CLIP-ViT-B-32-laion2B-s34B-b79K",
	"ViT-B-16__laion2b_s34b_b88k":      "CLIP-ViT-B-16-laion2B-s34B-b88K",
	"ViT-L-14__laion2b-s32b-b82k":      "CLIP-ViT-L-14-laion2B-s32B-b82K",
	"ViT-H-14__laion2b-s32b-b79k":      "CLIP-ViT-H-14-laion2B-s32B-b79K",
	"ViT-B-16-SigLIP__webli":           "siglip-base-patch16-224",
	"ViT-B-16-SigLIP-256__webli":       "siglip-base-patch16-256",
	"ViT-B-16-SigLIP-384__webli":       "siglip-base-patch16-384",
	"ViT-B-16-SigLIP-512__webli":       "siglip-base-patch16-512",
	"ViT-L-16-SigLIP-256__webli":       "siglip-large-patch16-256",
	"ViT-L-16-SigLIP-384__webli":       "siglip-large-patch16-384",
	"ViT-SO400M-14-SigLIP-384__webli":  "siglip-so400m-patch14-384",
	"ViT-B-16-SigLIP2__webli":          "siglip2-base-patch16-224",
	"ViT-L-16-SigLIP2-256__webli":      "siglip2-large-patch16-256",
	"ViT-SO400M-16-SigLIP2-384__webli": "siglip2-so400m-patch16-384",
	"ViT-gopt-16-SigLIP2-384__webli":   "siglip2-giant-opt-patch16-384",
}

// immichModel is the loaded model that Immich means. Its name has to fit: vectors
// of another model would spoil Immich's collection without a word.
func (s *Server) immichModel(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	if ours, ok := immichModels[name]; ok {
		return ours
	}
	return name
}

// immichPing answers GET /ping.
func immichPing(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "pong")
	return err
}

// writeImmich writes an error as FastAPI does.
func writeImmich(w http.ResponseWriter, e *Error) {
	e.writeBody(w, map[string]string{"detail": e.Message})
}
