package server

import (
	"net/http"
)

// similarBody is the request of POST /v1/libraries/{l}/similar.
type similarBody struct {
	Positive []string `json:"positive"` // ids of documents to be like
	Negative []string `json:"negative"` // and of those not to be like
	wishes
}

// What the mean of the examples and that of the counter-examples weigh (Rocchio 1971;
// Manning, Raghavan, Schütze 2008, §9.1.1).
const (
	weightPositive = 0.75
	weightNegative = 0.15
)

// similarDocuments answers POST /v1/libraries/{l}/similar. The examples themselves
// are not found.
func (s *Server) similarDocuments(w http.ResponseWriter, r *http.Request) error {
	var body similarBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	find, err := body.find()
	if err != nil {
		return err
	}
	answer, err := answerOf(r.Context(), l, find)
	if err != nil {
		return err
	}
	stamp(w, answer.Fingerprint)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// find makes a query of the examples.
func (b *similarBody) find() (*Find, error) {
	f, err := b.wishes.find()
	if err != nil {
		return nil, err
	}
	f.By = "meaning"
	if len(b.Positive) == 0 {
		return nil, badRequest("positive", "say what to be like: positive is a list of ids of documents, from hits")
	}
	if n := len(b.Positive) + len(b.Negative); n > maxTerms {
		return nil, badRequest("positive", "%d examples; at most %d", n, maxTerms)
	}
	for _, side := range []struct {
		name   string
		ids    []string
		weight float64
	}{{"positive", b.Positive, weightPositive}, {"negative", b.Negative, -weightNegative}} {
		for i, id := range side.ids {
			if id == "" {
				return nil, badRequest(at(side.name, i), "%s is empty; give the id of a document", at(side.name, i))
			}
			f.Terms = append(f.Terms, Term{Document: id, Weight: side.weight / float64(len(side.ids))})
		}
	}
	return f, nil
}
