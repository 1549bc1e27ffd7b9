package server

import (
	"encoding/json"
	"net/http"
	"time"
)

// embeddingsBody is the request of POST /v1/embeddings: OpenAI's, with what
// Infinity (modality), Jina (objects as input, embedding_type) and vLLM (messages)
// add to it.
type embeddingsBody struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
	EmbeddingType  json.RawMessage `json:"embedding_type"` // Jina's name for the same
	Dimensions     *int            `json:"dimensions"`
	Modality       string          `json:"modality"`
	Messages       []chatMessage   `json:"messages"`
	Truncate       *bool           `json:"truncate"`   // Jina; false refuses what is too long
	KeepAlive      *keepAlive      `json:"keep_alive"` // Ollama's: how long the model stays in memory
}

type embeddingItem struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

type usage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
	Images       int `json:"images,omitempty"`
}

type embeddingsAnswer struct {
	ID      string          `json:"id,omitempty"` // Infinity's
	Object  string          `json:"object"`
	Created int64           `json:"created,omitempty"` // Infinity's
	Data    []embeddingItem `json:"data"`
	Model   string          `json:"model"`
	Usage   usage           `json:"usage"`
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) error {
	var body embeddingsBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	return s.answerEmbeddings(w, r, &body)
}

func (s *Server) answerEmbeddings(w http.ResponseWriter, r *http.Request, body *embeddingsBody) error {
	encode, err := body.encoding()
	if err != nil {
		return err
	}
	req, err := body.request()
	if err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.model.keep(body.KeepAlive)
	e.header(w)
	a := embeddingsAnswer{Object: "list", Model: e.model.Name(), Usage: e.usage()}
	if body.Modality != "" {
		a.ID, a.Created = "infinity-"+w.Header().Get(headerRequestID), time.Now().Unix()
	}
	for i, v := range e.vectors {
		a.Data = append(a.Data, embeddingItem{"embedding", i, encode(v)})
	}
	writeJSON(w, http.StatusOK, a)
	return nil
}

func (e *embedding) usage() usage {
	n := e.tokens + e.patches()
	return usage{PromptTokens: n, TotalTokens: n, Images: e.pictures}
}

// encoding is the form that vectors are asked for in.
func (b *embeddingsBody) encoding() (func([]float32) any, error) {
	name, param := b.EncodingFormat, "encoding_format"
	if len(b.EmbeddingType) > 0 {
		param = "embedding_type"
		var list []string
		if json.Unmarshal(b.EmbeddingType, &name) != nil {
			if json.Unmarshal(b.EmbeddingType, &list) != nil || len(list) != 1 {
				return nil, badRequest(param, "embedding_type has to be one name, such as float")
			}
			name = list[0]
		}
	}
	return encodingOf(param, name)
}

// request turns the body into what every dialect becomes.
func (b *embeddingsBody) request() (embedRequest, error) {
	req := embedRequest{model: b.Model, whole: b.Truncate != nil && !*b.Truncate}
	if b.Dimensions != nil {
		req.dimensions = *b.Dimensions // Infinity's client sends 0 for all
		if req.dimensions < 0 {
			return req, badRequest("dimensions", "dimensions is %d; it has to be at least 1", req.dimensions)
		}
	}
	var err error
	switch {
	case b.Messages != nil && len(b.Input) > 0:
		err = badRequest("messages", "give input or messages, not both")
	case b.Messages != nil:
		req.inputs, err = conversation(b.Messages)
	case b.Modality != "" && b.Modality != "text":
		req.inputs, err = modalityInputs(b.Modality, b.Input)
	default:
		req.inputs, err = openAIInputs(b.Input)
	}
	return req, err
}

// openAIInputs reads a string, a list of token ids, or a list whose items are
// strings, lists of token ids, or objects.
func openAIInputs(raw json.RawMessage) ([]input, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, badRequest("input", "input is missing; give a string or a list")
	}
	if raw[0] == '[' {
		return listInputs(raw)
	}
	in, err := oneInput("input", raw)
	return []input{in}, err
}

func listInputs(raw json.RawMessage) ([]input, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, badRequest("input", "input is not a list that can be read")
	}
	if len(items) > 0 && isNumber(items[0]) {
		in, err := idsInput("input", raw)
		return []input{in}, err
	}
	if len(items) > maxInputs {
		return nil, badRequest("input", "%d inputs; at most %d in a request", len(items), maxInputs)
	}
	out := make([]input, len(items))
	for i, item := range items {
		in, err := oneInput(at("input", i), item)
		if err != nil {
			return nil, err
		}
		out[i] = in
	}
	return out, nil
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// oneInput reads one item of any kind.
func oneInput(param string, raw json.RawMessage) (input, error) {
	switch raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return input{}, badRequest(param, "%s is not a string that can be read", param)
		}
		return textOrPicture(param, s)
	case '[':
		return idsInput(param, raw)
	case '{':
		return partInput(param, raw)
	}
	return input{}, badRequest(param, "%s has to be a string, a list of token ids, or an object with text, image or audio", param)
}

// idsInput reads a text that comes as token ids.
func idsInput(param string, raw json.RawMessage) (input, error) {
	var ids []int32
	if err := json.Unmarshal(raw, &ids); err != nil || len(ids) == 0 {
		return input{}, badRequest(param, "%s has to be a list of token ids, whole numbers", param)
	}
	return input{param: param, ids: ids}, nil
}
