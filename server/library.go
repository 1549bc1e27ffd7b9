package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/emblem-search/emblem/vit"
)

// Libraries are the collections that a server searches. An *Error that they
// return goes to the client as it is.
type Libraries interface {
	// Names lists them, sorted.
	Names(ctx context.Context) ([]string, error)
	// Library opens one. An error with status 404 says that there is none.
	Library(ctx context.Context, name string) (Library, error)
	// Create opens one, making it if there is none.
	Create(ctx context.Context, name string) (Library, error)
	// Rename gives one another name, Remove removes it; pictures stay where they are.
	Rename(ctx context.Context, from, to string) error
	Remove(ctx context.Context, name string) error
	// Folders lists what of the server's may be indexed: without a path the outermost
	// folders, else those in it.
	Folders(ctx context.Context, path string) ([]Folder, error)
}

// Library is a collection of documents: pictures, texts, or vectors of somebody's
// own.
type Library interface {
	// Name is the library's, Model its model's, "" before it has one, Fingerprint what
	// that model's vectors are comparable to, Space the space they are in.
	Name() string
	Model() string
	Fingerprint() string
	Space() string
	// Entry says what it is. It counts the documents, which takes its time.
	Entry(ctx context.Context) (LibraryEntry, error)
	// Search answers a query.
	Search(ctx context.Context, f Find) (*Found, error)
	// Put adds or replaces documents and says of each what became of it.
	Put(ctx context.Context, docs []Document) ([]Outcome, error)
	// Delete removes documents.
	Delete(ctx context.Context, ids []string) ([]Outcome, error)
	// Picture opens the file of a document that is one, for thumbnails.
	Picture(ctx context.Context, id string) (io.ReadCloser, error)
	// Index prepares to index a folder of the server's and returns the work. A
	// folder that may not be indexed is an *Error.
	Index(path string) (func(ctx context.Context, progress func(done, total int)) (any, error), error)
	// Fields are what filters can ask for, with some values of each.
	Fields(ctx context.Context, examples int) ([]Field, error)
	// Facets counts the values of fields, of all if there are none, among what passes
	// a filter.
	Facets(ctx context.Context, filter string, fields []string, top int) ([]Facet, error)
	// Duplicates finds documents that are nearly the same.
	Duplicates(ctx context.Context, d DuplicateQuery) (*DuplicateGroups, error)
	// Stats counts what there is; Verify reads it all and says what is wrong.
	Stats(ctx context.Context) (any, error)
	Verify(ctx context.Context) (any, error)
}

// LibraryEntry is a library as lists show it.
type LibraryEntry struct {
	Name      string    `json:"name"`
	Model     string    `json:"model"`
	Space     string    `json:"space"` // of the model's vectors
	Documents int       `json:"documents"`
	Parts     int       `json:"parts,omitempty"` // vectors of the parts of each picture, for late interaction
	Updated   time.Time `json:"updated,omitzero"`
}

// Find is a query.
type Find struct {
	Terms          []Term // none lists what passes the filter
	Filter         string
	Limit          int
	MinProbability float64
	Cursor         string
	By             string // "meaning", "words" or "both"; "" is both
	Fold           bool   // near duplicates go into the best of them
	Explain        bool   // say how each hit came about
	Facets         []string
	GroupBy        string  // a field of which each value is found once
	Diversity      float64 // how much hits should differ, 0 to 1
	Space          string  // that the vectors are of; "" is the model's, or the only one
	Late           bool    // compare with the parts of pictures
}

// Term is one part of a query: words, a picture, a document that is there, or a
// vector. Words and pictures have their vector too, of the library's model.
type Term struct {
	Text     string
	Picture  bool
	Document string
	Vector   []float32
	File     []byte      // a picture's file, of which the library looks at the parts
	Region   *vit.Window // the part of the picture, or of the document's, that is meant; nil: all
	Weight   float64     // negative for what is taken away
}

// Found is the answer to a query.
type Found struct {
	Hits   []Hit
	Facets []Facet
	Next   string // the cursor of the next page, "" at the end
}

// Probability is how likely a hit is what was meant; NaN, which is null in JSON,
// where nobody knows: among vectors of somebody's own.
type Probability float64

// MarshalJSON implements json.Marshaler.
func (p Probability) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(p)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(p))
}

// Hit is a found document.
type Hit struct {
	Rank        int            `json:"rank"`
	ID          string         `json:"id"`
	Path        string         `json:"path,omitempty"`
	Score       float64        `json:"score"`
	Probability Probability    `json:"probability"`
	Metadata    map[string]any `json:"metadata,omitempty"`
	Folded      []string       `json:"folded,omitempty"` // ids of near duplicates
	Group       string         `json:"group,omitempty"`
	GroupSize   int            `json:"group_size,omitempty"` // hits of the group that were looked at
	Explain     any            `json:"explain,omitempty"`
}

// likely says what is known of a hit in words.
func (h Hit) likely() string {
	if math.IsNaN(float64(h.Probability)) {
		return fmt.Sprintf("score %.3f", h.Score)
	}
	return fmt.Sprintf("probability %.2f", h.Probability)
}

// Document is what is put into a library, with its vectors by space.
type Document struct {
	ID       string
	Vectors  map[string][][]float32
	Metadata map[string]any
}

// Outcome is what became of one document.
type Outcome struct {
	ID     string  `json:"id"`
	Status string  `json:"status"` // created, updated, unchanged, deleted, error
	Error  *string `json:"error,omitempty"`
}

// Field is something that filters can ask for.
type Field struct {
	Name      string   `json:"name"`
	Documents int      `json:"documents"`
	Examples  []string `json:"examples"`
}

type libraryList struct {
	Object string         `json:"object"`
	Data   []LibraryEntry `json:"data"`
}

type fieldList struct {
	Fields []Field `json:"fields"`
}

// libraryRoutes are those of collections.
func (s *Server) libraryRoutes() []route {
	const one = "/v1/libraries/:library"
	return []route{
		{method: "GET", path: "/v1/libraries", scope: ScopeSearch, handle: s.listLibraries, answer: libraryList{}, doc: "List the libraries."},
		{method: "GET", path: one, scope: ScopeSearch, handle: s.getLibrary, answer: LibraryEntry{}, doc: "Say what a library is."},
		{method: "GET", path: one + "/fields", scope: ScopeSearch, handle: s.libraryFields, answer: fieldList{}, doc: "List what filters can ask for."},
		{method: "POST", path: one + "/search", scope: ScopeSearch, stamps: true, handle: s.searchLibrary, body: searchBody{}, answer: searchAnswer{},
			doc: "Search by words, pictures, documents and vectors, weighed, with a filter."},
		{method: "POST", path: one + "/similar", scope: ScopeSearch, stamps: true, handle: s.similarDocuments, body: similarBody{}, answer: searchAnswer{},
			doc: "Find more like some documents, and less like others."},
		{method: "POST", path: one + "/facets", scope: ScopeSearch, handle: s.countFacets, body: facetsBody{}, answer: facetsAnswer{},
			doc: "Count the values of fields among what passes a filter."},
		{method: "POST", path: one + "/duplicates", scope: ScopeSearch, handle: s.findDuplicates, body: duplicatesBody{}, answer: duplicatesAnswer{},
			doc: "Find groups of documents that are nearly the same, the largest first."},
		{method: "POST", path: one + "/documents", scope: ScopeWrite, stamps: true, handle: s.putDocuments, body: documentsBody{}, answer: outcomesAnswer{},
			doc: "Add or replace documents; each has a result of its own."},
		{method: "POST", path: one + "/delete", scope: ScopeWrite, handle: s.deleteDocuments, body: deleteBody{}, answer: outcomesAnswer{},
			doc: "Delete documents by id or by a filter."},
		{method: "GET", path: one + "/thumbnail", scope: ScopeSearch, handle: s.thumbnail, query: []string{"id", "size"}, doc: "A document's picture, made smaller (JPEG)."},
		{method: "POST", path: one + "/zip", scope: ScopeSearch, handle: s.zipDocuments, body: zipBody{}, doc: "The pictures of documents in an archive."},
	}
}

// library opens the library that a route names, if the caller may use it. One
// that the caller may not see looks like one that is not there.
func (s *Server) library(r *http.Request, create bool) (Library, error) {
	return s.libraryOf(r.Context(), callerOf(r), r.PathValue("library"), create)
}

// libraryBody opens the library that a route names and reads the request into body.
func (s *Server) libraryBody(w http.ResponseWriter, r *http.Request, body any) (l Library, release func(), err error) {
	if l, err = s.library(r, false); err != nil {
		return nil, nil, err
	}
	release, err = s.readJSON(w, r, body)
	return l, release, err
}

func (s *Server) libraryOf(ctx context.Context, c *Caller, name string, create bool) (Library, error) {
	if s.Libraries == nil {
		return nil, refuse(http.StatusNotFound, "no_libraries", "", "this server keeps no libraries; start it without --data none")
	}
	if !c.reaches(name) {
		return nil, refuse(http.StatusNotFound, "library_not_found", "library", "there is no library %q", clip(name))
	}
	if create {
		return s.Libraries.Create(ctx, name)
	}
	return s.Libraries.Library(ctx, name)
}

// listLibraries answers GET /v1/libraries with those that the caller may use.
func (s *Server) listLibraries(w http.ResponseWriter, r *http.Request) error {
	list, err := s.librariesOf(r.Context(), callerOf(r))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, libraryList{"list", list})
	return nil
}

// librariesOf are the libraries that a caller may use.
func (s *Server) librariesOf(ctx context.Context, c *Caller) ([]LibraryEntry, error) {
	list := []LibraryEntry{}
	if s.Libraries == nil {
		return list, nil
	}
	names, err := s.Libraries.Names(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !c.reaches(name) {
			continue
		}
		l, err := s.Libraries.Library(ctx, name)
		if err != nil {
			return nil, err
		}
		e, err := l.Entry(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (s *Server) getLibrary(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	e, err := l.Entry(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, e)
	return nil
}

// libraryFields answers GET /v1/libraries/{l}/fields: what filters can ask for.
func (s *Server) libraryFields(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	fields, err := l.Fields(r.Context(), 20)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, fieldList{append([]Field{}, fields...)})
	return nil
}
