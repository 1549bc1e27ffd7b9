package server

import (
	"net/http"
)

// DuplicateQuery says which documents are nearly the same.
type DuplicateQuery struct {
	Threshold float64 // cosine from which two are; 0 means 0.97
	Space     string  // whose vectors are compared; "" means the model's, or the only one
	Limit     int     // groups of a page
	Cursor    string
}

// DuplicateGroups are groups of documents that are nearly the same, a page of them.
type DuplicateGroups struct {
	Space     string           `json:"space"`
	Threshold float64          `json:"threshold"`
	Groups    []DuplicateGroup `json:"groups"`
	Total     int              `json:"total_groups"`    // of all pages
	Documents int              `json:"total_documents"` // in them
	Next      string           `json:"-"`               // the cursor of the next page, "" at the end
}

// DuplicateGroup is documents, each of which is near to another one of them, the
// earliest first.
type DuplicateGroup struct {
	IDs   []string `json:"ids"`
	Least float64  `json:"least_cosine"` // that joined two of them
}

// duplicatesBody is the request of POST /v1/libraries/{l}/duplicates.
type duplicatesBody struct {
	Threshold *float64 `json:"threshold"`
	Space     string   `json:"space"`
	Limit     *int     `json:"limit"`
	Cursor    string   `json:"cursor"`
}

type duplicatesAnswer struct {
	Library string `json:"library"`
	DuplicateGroups
	NextCursor *string `json:"next_cursor"`
}

// findDuplicates answers POST /v1/libraries/{l}/duplicates. The first page takes its
// time in a large library; the others are cut from the same answer.
func (s *Server) findDuplicates(w http.ResponseWriter, r *http.Request) error {
	var body duplicatesBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	q := DuplicateQuery{Space: body.Space, Limit: defaultLimit, Cursor: body.Cursor}
	if body.Limit != nil {
		q.Limit = *body.Limit
	}
	if q.Limit < 1 || q.Limit > maxLimit {
		return badRequest("limit", "limit is %d; 1 to %d, and cursor for more", q.Limit, maxLimit)
	}
	if body.Threshold != nil {
		if q.Threshold = *body.Threshold; !(q.Threshold >= 0.5 && q.Threshold <= 1) {
			return badRequest("threshold", "threshold is %v; a cosine between 0.5 and 1, such as 0.97", q.Threshold)
		}
	}
	groups, err := l.Duplicates(r.Context(), q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, duplicatesAnswer{l.Name(), *groups, some(groups.Next)})
	return nil
}
