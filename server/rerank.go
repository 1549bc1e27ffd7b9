package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
)

// rerankBody is the request of Cohere's, Jina's and Infinity's rerank routes, and
// of text-embeddings-inference's, whose documents are called texts and whose
// answer is a bare list.
type rerankBody struct {
	Model           string            `json:"model"`
	Query           json.RawMessage   `json:"query"`
	Documents       []json.RawMessage `json:"documents"`
	Texts           []string          `json:"texts"`
	TopN            *int              `json:"top_n"`
	ReturnDocuments bool              `json:"return_documents"`
	ReturnText      bool              `json:"return_text"`
}

// ranked is a document with its cosine to the query.
type ranked struct {
	index int
	score float64
}

// rerank answers POST /v1/rerank and /rerank: documents, which may be texts or
// pictures, by their cosine to the query, which may be either too.
func (s *Server) rerank(w http.ResponseWriter, r *http.Request) error {
	var body rerankBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	req, err := body.request()
	if err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.header(w)
	list := make([]ranked, len(e.vectors)-1)
	for i, v := range e.vectors[1:] {
		list[i] = ranked{i, dot(e.vectors[0], v)}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	if body.TopN != nil {
		list = list[:min(len(list), max(0, *body.TopN))]
	}
	writeJSON(w, http.StatusOK, body.answer(w, e, list))
	return nil
}

func (b *rerankBody) request() (embedRequest, error) {
	req := embedRequest{model: b.Model}
	if len(b.Query) == 0 {
		return req, badRequest("query", "query is missing")
	}
	if (len(b.Documents) > 0) == (len(b.Texts) > 0) {
		return req, badRequest("documents", "give documents, or texts")
	}
	query, err := oneInput("query", b.Query)
	if err != nil {
		return req, err
	}
	req.inputs = append(req.inputs, query)
	for i, d := range b.Documents {
		in, err := oneInput(at("documents", i), d)
		if err != nil {
			return req, err
		}
		req.inputs = append(req.inputs, in)
	}
	req.addTexts("texts", b.Texts)
	return req, nil
}

func (b *rerankBody) answer(w http.ResponseWriter, e *embedding, list []ranked) any {
	out := make([]map[string]any, len(list))
	if len(b.Texts) > 0 {
		for i, d := range list {
			out[i] = map[string]any{"index": d.index, "score": d.score}
			if b.ReturnText {
				out[i]["text"] = b.Texts[d.index]
			}
		}
		return out
	}
	for i, d := range list {
		out[i] = map[string]any{"index": d.index, "relevance_score": d.score}
		if b.ReturnDocuments {
			out[i]["document"] = document(b.Documents[d.index])
		}
	}
	return map[string]any{"id": w.Header().Get(headerRequestID), "object": "rerank", "model": e.model.Name(), "results": out, "usage": e.usage()}
}

// document is a document as answers give it back: a string as {"text":…}.
func document(raw json.RawMessage) any {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return map[string]string{"text": s}
	}
	return raw
}
