package server

import (
	"net/http"
)

// Facet is what documents have in a field.
type Facet struct {
	Field     string       `json:"field"`
	Documents int          `json:"documents"` // that have it
	Values    []FacetValue `json:"values"`    // the most frequent first
}

// FacetValue is a value as a filter may have it.
type FacetValue struct {
	Value     string `json:"value"`
	Documents int    `json:"documents"`
}

// facetsBody is the request of POST /v1/libraries/{l}/facets.
type facetsBody struct {
	Filter string   `json:"filter"`
	Fields []string `json:"fields"` // none: all that any document has
	Top    *int     `json:"top"`    // values of each
}

type facetsAnswer struct {
	Library string  `json:"library"`
	Facets  []Facet `json:"facets"`
}

const (
	defaultTop = 10
	maxTop     = 1000
)

// countFacets answers POST /v1/libraries/{l}/facets.
func (s *Server) countFacets(w http.ResponseWriter, r *http.Request) error {
	var body facetsBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	top := defaultTop
	if body.Top != nil {
		top = *body.Top
	}
	if top < 1 || top > maxTop {
		return badRequest("top", "top is %d; 1 to %d", top, maxTop)
	}
	if len(body.Fields) > maxFacets {
		return badRequest("fields", "%d fields; at most %d", len(body.Fields), maxFacets)
	}
	facets, err := l.Facets(r.Context(), body.Filter, body.Fields, top)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, facetsAnswer{l.Name(), append([]Facet{}, facets...)})
	return nil
}
