package server

import (
	"net/http"
)

// teiBody is the request of text-embeddings-inference's POST /embed.
type teiBody struct {
	Inputs     oneOrMore `json:"inputs"`
	Truncate   bool      `json:"truncate"`
	Normalize  *bool     `json:"normalize"`
	Dimensions int       `json:"dimensions"`
}

// teiEmbed answers POST /embed with a list of vectors.
func (s *Server) teiEmbed(w http.ResponseWriter, r *http.Request) error {
	var body teiBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	if body.Normalize != nil && !*body.Normalize {
		return badRequest("normalize", "only vectors of unit length are served; leave normalize out")
	}
	req := embedRequest{whole: !body.Truncate, dimensions: body.Dimensions}
	if err := req.add("inputs", body.Inputs, textOrPicture); err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.header(w)
	writeJSON(w, http.StatusOK, e.vectors)
	return nil
}

// teiSimilarity answers POST /similarity: the cosines of one sentence with
// others.
func (s *Server) teiSimilarity(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Inputs struct {
			Source    string   `json:"source_sentence"`
			Sentences []string `json:"sentences"`
		} `json:"inputs"`
	}
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	in, err := textOrPicture("inputs.source_sentence", body.Inputs.Source)
	if err != nil {
		return err
	}
	req := embedRequest{inputs: []input{in}}
	if err := req.add("inputs.sentences", body.Inputs.Sentences, textOrPicture); err != nil {
		return err
	}
	e, err := s.embedWhole(r.Context(), req)
	if err != nil {
		return err
	}
	e.header(w)
	writeJSON(w, http.StatusOK, e.cosines())
	return nil
}

// cosines of the first vector with the others.
func (e *embedding) cosines() []float32 {
	out := make([]float32, 0, len(e.vectors))
	for _, v := range e.vectors[1:] {
		out = append(out, float32(dot(e.vectors[0], v)))
	}
	return out
}

func dot(a, b []float32) float64 {
	var sum float64
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// writeTEI writes an error in text-embeddings-inference's shape.
func writeTEI(w http.ResponseWriter, e *Error) {
	kind := "validation"
	switch {
	case e.Status == http.StatusTooManyRequests:
		kind = "overloaded"
	case e.Status >= 500:
		kind = "backend"
	}
	e.writeBody(w, map[string]string{"error": e.Message, "error_type": kind})
}
