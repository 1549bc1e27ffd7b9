package server

import (
	"encoding/json"
	"net/http"
	"strings"
)

// cohereBody is the request of Cohere's POST /v2/embed.
type cohereBody struct {
	Model     string   `json:"model"`
	InputType string   `json:"input_type"`
	Texts     []string `json:"texts"`
	Images    []string `json:"images"`
	Inputs    []struct {
		Content []part `json:"content"`
	} `json:"inputs"`
	EmbeddingTypes  []string `json:"embedding_types"`
	OutputDimension int      `json:"output_dimension"`
	Truncate        string   `json:"truncate"`
}

// cohereEmbed answers POST /v2/embed.
func (s *Server) cohereEmbed(w http.ResponseWriter, r *http.Request) error {
	var body cohereBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	req, err := body.request()
	if err != nil {
		return err
	}
	if len(body.EmbeddingTypes) == 0 {
		body.EmbeddingTypes = []string{"float"}
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	forms, err := e.forms(body.EmbeddingTypes)
	if err != nil {
		return err
	}
	e.header(w)
	writeJSON(w, http.StatusOK, map[string]any{
		"id":         w.Header().Get(headerRequestID),
		"embeddings": forms,
		"texts":      append([]string{}, body.Texts...),
		"meta": map[string]any{
			"api_version":  map[string]string{"version": "2"},
			"billed_units": map[string]int{"input_tokens": e.tokens, "images": e.pictures},
		},
	})
	return nil
}

// forms are the vectors in every form that was asked for.
func (e *embedding) forms(names []string) (map[string][]any, error) {
	out := map[string][]any{}
	for _, name := range names {
		encode, err := encodingOf("embedding_types", name)
		if err != nil {
			return nil, err
		}
		list := make([]any, len(e.vectors))
		for i, v := range e.vectors {
			list[i] = encode(v)
		}
		out[name] = list
	}
	return out, nil
}

func (b *cohereBody) request() (embedRequest, error) {
	req := embedRequest{model: b.Model, dimensions: b.OutputDimension}
	switch strings.ToUpper(b.Truncate) {
	case "", "END":
	case "NONE":
		req.whole = true
	default:
		return req, badRequest("truncate", "truncate %q is not served; END and NONE are", b.Truncate)
	}
	given := 0
	for _, n := range []int{len(b.Texts), len(b.Images), len(b.Inputs)} {
		if n > 0 {
			given++
		}
	}
	if given != 1 {
		return req, badRequest("texts", "give one of texts, images and inputs")
	}
	req.addTexts("texts", b.Texts)
	if err := req.add("images", b.Images, pictureInput); err != nil {
		return req, err
	}
	return req, b.contents(&req)
}

// contents reads inputs, each of which is one text or picture.
func (b *cohereBody) contents(req *embedRequest) error {
	for i, in := range b.Inputs {
		param := at("inputs", i)
		if len(in.Content) != 1 {
			return badRequest(param, "%s holds %d parts; this model embeds one text or picture an input", param, len(in.Content))
		}
		one, err := in.Content[0].input(param)
		if err != nil {
			return err
		}
		req.inputs = append(req.inputs, one)
	}
	return nil
}

// writeCohere writes an error in Cohere's shape.
func writeCohere(w http.ResponseWriter, e *Error) {
	e.writeBody(w, map[string]string{"message": e.Message, "id": w.Header().Get(headerRequestID)})
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (s *oneOrMore) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = oneOrMore{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return badRequest("", "a string or a list of strings is needed")
	}
	*s = list
	return nil
}
