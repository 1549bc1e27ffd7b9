package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/emblem-search/emblem/internal/library"
)

// documentBody is one document of a request: a picture, a sound, a text, or vectors
// of somebody's own.
type documentBody struct {
	ID       string                     `json:"id"`
	Image    *string                    `json:"image"` // a data URL
	Audio    *string                    `json:"audio"` // a data URL
	file     []byte                     // of a picture or a sound that came as a part of its own
	Text     *string                    `json:"text"`
	Vectors  map[string]json.RawMessage `json:"vectors"`
	Metadata anyObject                  `json:"metadata"`
}

// anyObject is an object of JSON that is read later.
type anyObject struct{ json.RawMessage }

// read is the object as metadata. Whole numbers stay whole.
func (o anyObject) read(param string) (map[string]any, error) {
	if len(o.RawMessage) == 0 {
		return nil, nil
	}
	m, err := library.ParseMetadata(o.RawMessage)
	if err != nil {
		return nil, badRequest(param, "%v", err)
	}
	return m, nil
}

type documentsBody struct {
	Documents []documentBody `json:"documents"`
}

// outcomesAnswer is what became of documents, in their order.
type outcomesAnswer struct {
	Results []Outcome `json:"results"`
}

type deleteBody struct {
	IDs    []string `json:"ids"`
	Filter string   `json:"filter"`
}

const maxDocuments = 1000

// putDocuments answers POST /v1/libraries/{l}/documents with a result for each
// document; one that is at fault fails alone.
func (s *Server) putDocuments(w http.ResponseWriter, r *http.Request) error {
	body, release, err := s.readDocuments(w, r)
	if err != nil {
		return err
	}
	defer release()
	if n := len(body.Documents); n == 0 || n > maxDocuments {
		return badRequest("documents", "%d documents; give 1 to %d", n, maxDocuments)
	}
	l, err := s.library(r, true)
	if err != nil {
		return err
	}
	results, err := s.put(r, l, body.Documents)
	if err != nil {
		return err
	}
	stamp(w, l.Fingerprint())
	writeJSON(w, http.StatusOK, outcomesAnswer{results})
	return nil
}

// put embeds what has to be embedded and stores what is good.
func (s *Server) put(r *http.Request, l Library, list []documentBody) ([]Outcome, error) {
	docs := make([]Document, len(list))
	errs := make([]error, len(list))
	var req embedRequest
	var from []int
	for i, b := range list {
		docs[i] = Document{ID: b.ID}
		in, err := b.input(at("documents", i), &docs[i])
		if err == nil {
			docs[i].Metadata, err = b.Metadata.read(at("documents", i) + ".metadata")
		}
		if err == nil && in != nil {
			err = in.check()
		}
		if errs[i] = err; err == nil && in != nil {
			req.inputs, from = append(req.inputs, *in), append(from, i)
		}
	}
	if len(from) > 0 {
		var err error
		if req.of, err = s.encoderOf(l); err != nil {
			return nil, err
		}
	}
	for len(from) > 0 {
		n := min(len(from), maxPictures)
		some := embedRequest{of: req.of, inputs: req.inputs[:n]}
		e, err := s.embed(r.Context(), some)
		if err != nil {
			return nil, err
		}
		for k, i := range from[:n] {
			if errs[i] = e.errs[k]; errs[i] == nil {
				docs[i].Vectors = map[string][][]float32{l.Space(): {e.vectors[k]}}
			}
		}
		from, req.inputs = from[n:], req.inputs[n:]
	}
	return storeGood(r, l, docs, errs)
}

// input is what a model has to embed of a document, nil if it brings vectors.
func (b *documentBody) input(param string, d *Document) (*input, error) {
	switch {
	case b.ID == "":
		return nil, badRequest(param+".id", "the document has no id")
	case !one(b.Image != nil, b.Audio != nil, b.file != nil, b.Text != nil, len(b.Vectors) > 0):
		return nil, badRequest(param, "the document has to hold one of image, audio, text and vectors")
	case b.Audio != nil:
		in, err := soundInput(param+".audio", *b.Audio)
		return &in, err
	case b.file != nil:
		return &input{param: param + ".image", picture: b.file}, nil
	case b.Image != nil:
		in, err := pictureInput(param+".image", *b.Image)
		return &in, err
	case b.Text != nil:
		in := textInput(param+".text", *b.Text)
		return &in, nil
	}
	var err error
	d.Vectors, err = ownVectors(param+".vectors", b.Vectors)
	return nil, err
}

// ownVectors reads one vector a space, or a list of them.
func ownVectors(param string, raw map[string]json.RawMessage) (map[string][][]float32, error) {
	out := map[string][][]float32{}
	for space, value := range raw {
		var one []float32
		var list [][]float32
		switch {
		case json.Unmarshal(value, &one) == nil:
			list = [][]float32{one}
		case json.Unmarshal(value, &list) != nil:
			return nil, badRequest(param+"."+space, "a vector has to be a list of numbers, or a list of such lists")
		}
		out[space] = list
	}
	return out, nil
}

// storeGood stores the documents without an error and joins the outcomes.
func storeGood(r *http.Request, l Library, docs []Document, errs []error) ([]Outcome, error) {
	var good []Document
	for i, d := range docs {
		if errs[i] == nil {
			good = append(good, d)
		}
	}
	var stored []Outcome
	if len(good) > 0 {
		var err error
		if stored, err = l.Put(r.Context(), good); err != nil {
			return nil, err
		}
	}
	out := make([]Outcome, len(docs))
	for i, d := range docs {
		if errs[i] != nil {
			e, _ := known(errs[i])
			out[i] = Outcome{ID: d.ID, Status: "error", Error: &e.Message}
			continue
		}
		out[i], stored = stored[0], stored[1:]
	}
	return out, nil
}

// deleteDocuments answers POST /v1/libraries/{l}/delete.
func (s *Server) deleteDocuments(w http.ResponseWriter, r *http.Request) error {
	var body deleteBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	ids := body.IDs
	if (len(ids) > 0) == (body.Filter != "") {
		return badRequest("ids", "give ids or filter, one of them")
	}
	if body.Filter != "" {
		return s.deleteFiltered(w, r, l, body.Filter)
	}
	results, err := l.Delete(r.Context(), ids)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, outcomesAnswer{results})
	return nil
}

const (
	statusDeleted = "deleted"
	maxDeleted    = 100_000 // documents by one request
)

// deleteFiltered deletes what passes a filter, some thousand at a time. Who gets
// maxDeleted results asks again.
func (s *Server) deleteFiltered(w http.ResponseWriter, r *http.Request, l Library, filter string) error {
	results := []Outcome{}
	for {
		found, err := l.Search(r.Context(), Find{Filter: filter, Limit: maxLimit})
		if err != nil {
			return err
		}
		if len(found.Hits) == 0 || len(results) >= maxDeleted {
			writeJSON(w, http.StatusOK, outcomesAnswer{results})
			return nil
		}
		ids := make([]string, len(found.Hits))
		for i, h := range found.Hits {
			ids[i] = h.ID
		}
		gone, err := l.Delete(r.Context(), ids)
		if err != nil {
			return err
		}
		results = append(results, gone...)
		if !slices.ContainsFunc(gone, func(o Outcome) bool { return o.Status == statusDeleted }) {
			writeJSON(w, http.StatusOK, outcomesAnswer{results}) // else it would go on for ever
			return nil
		}
	}
}
