package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"

	"github.com/emblem-search/emblem/internal/library"
)

// searchBody is the request of POST /v1/libraries/{l}/search.
type searchBody struct {
	Query string     `json:"query"` // words, with " + " and " - "
	Terms []termBody `json:"terms"`
	By    string     `json:"by"`
	Late  bool       `json:"late"` // compare with the parts of pictures
	wishes
}

// wishes are what a request says of its hits, whatever they are found by.
type wishes struct {
	Filter         string   `json:"filter"`
	Limit          *int     `json:"limit"`
	MinProbability *float64 `json:"min_probability"`
	Cursor         string   `json:"cursor"`
	Fold           bool     `json:"fold"`
	Explain        bool     `json:"explain"`
	Facets         []string `json:"facets"` // fields whose values are counted
	GroupBy        string   `json:"group_by"`
	Diversity      float64  `json:"diversity"`
	Space          string   `json:"space"` // of vectors of one's own
}

// termBody is one of text, image, audio, document and vector.
type termBody struct {
	Text     *string   `json:"text"`
	Image    *string   `json:"image"` // a data URL
	Audio    *string   `json:"audio"` // the same
	Document *string   `json:"document"`
	Vector   []float32 `json:"vector"`
	Region   []float64 `json:"region"` // x, y, width, height of a part of the picture, in fractions of it
	Weight   *float64  `json:"weight"`
}

const (
	defaultLimit = 20
	maxLimit     = 1000
	maxTerms     = 64
	maxFacets    = 32
	maxWeight    = 1000
)

// searchAnswer is what a search answers.
type searchAnswer struct {
	Model      string  `json:"model"`
	Library    string  `json:"library"`
	Hits       []Hit   `json:"hits"`
	Facets     []Facet `json:"facets,omitempty"`
	NextCursor *string `json:"next_cursor"`

	Fingerprint string `json:"fingerprint,omitempty"` // of the model
}

// searchLibrary answers POST /v1/libraries/{l}/search.
func (s *Server) searchLibrary(w http.ResponseWriter, r *http.Request) error {
	var body searchBody
	l, release, err := s.libraryBody(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	answer, err := s.search(r.Context(), l, &body)
	if err != nil {
		return err
	}
	stamp(w, answer.Fingerprint)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (s *Server) search(ctx context.Context, l Library, body *searchBody) (*searchAnswer, error) {
	find, inputs, err := body.find()
	if err != nil {
		return nil, err
	}
	if err := s.fillTerms(ctx, l, find, inputs); err != nil {
		return nil, err
	}
	var answer *searchAnswer
	err = s.watched(ctx, find, func() (err error) {
		answer, err = answerOf(ctx, l, find)
		return err
	})
	return answer, err
}

// answerOf searches a library.
func answerOf(ctx context.Context, l Library, find *Find) (*searchAnswer, error) {
	model := l.Model()
	var found *Found
	err := inside(ctx, "index.search", func(ctx context.Context) (err error) {
		found, err = l.Search(ctx, *find)
		return err
	}, attribute.String("emblem.library", l.Name()), attribute.Int("emblem.limit", find.Limit))
	if err != nil {
		return nil, err
	}
	return &searchAnswer{model, l.Name(), append([]Hit{}, found.Hits...), found.Facets, some(found.Next), l.Fingerprint()}, nil
}

// find checks a request. inputs are the terms that a model has to embed, by their
// place.
func (b *searchBody) find() (*Find, map[int]input, error) {
	f, err := b.wishes.find()
	if err != nil {
		return nil, nil, err
	}
	f.By, f.Late = b.By, b.Late
	if !slices.Contains([]string{"", "meaning", "words", "both"}, b.By) {
		return nil, nil, badRequest("by", "by is %q; it has to be meaning, words or both", b.By)
	}
	if b.Query != "" && len(b.Terms) > 0 {
		return nil, nil, badRequest("terms", "give query or terms, not both")
	}
	if b.Query == "" && len(b.Terms) == 0 && (f.GroupBy != "" || f.Diversity > 0) {
		return nil, nil, badRequest("query", "group_by and diversity are of a ranking; give query or terms too")
	}
	if b.Query != "" {
		return f.parse(b.Query)
	}
	return f.terms(b.Terms)
}

// find checks what is wished of hits.
func (w *wishes) find() (*Find, error) {
	f := &Find{Filter: w.Filter, Limit: defaultLimit, Cursor: w.Cursor, Fold: w.Fold, Explain: w.Explain, Facets: w.Facets, GroupBy: w.GroupBy, Diversity: w.Diversity, Space: w.Space}
	if w.Limit != nil {
		f.Limit = *w.Limit
	}
	if f.Limit < 1 || f.Limit > maxLimit {
		return nil, badRequest("limit", "limit is %d; 1 to %d, and cursor for more", f.Limit, maxLimit)
	}
	if w.MinProbability != nil {
		f.MinProbability = *w.MinProbability
	}
	if !(f.MinProbability >= 0 && f.MinProbability <= 1) {
		return nil, badRequest("min_probability", "min_probability has to be between 0 and 1")
	}
	if !(f.Diversity >= 0 && f.Diversity <= 1) {
		return nil, badRequest("diversity", "diversity has to be between 0 and 1")
	}
	if len(f.Facets) > maxFacets {
		return nil, badRequest("facets", "%d facets; at most %d", len(f.Facets), maxFacets)
	}
	return f, nil
}

// parse reads the language of queries. Files of the server's cannot be named in
// it.
func (f *Find) parse(query string) (*Find, map[int]input, error) {
	q, err := library.ParseQuery(query)
	if err != nil {
		var own *library.Error
		if errors.As(err, &own) {
			return nil, nil, badRequest("query", "%s", own.Message)
		}
		return nil, nil, err
	}
	inputs := map[int]input{}
	for i, t := range q.Terms {
		if t.Image != "" {
			return nil, nil, badRequest("query", "a query cannot name files here; send the picture among terms, as {\"image\":\"data:image/jpeg;base64,…\"}")
		}
		f.Terms = append(f.Terms, Term{Text: t.Text, Weight: t.Weight})
		inputs[i] = textInput("query", t.Text)
	}
	return f, inputs, nil
}

func (f *Find) terms(list []termBody) (*Find, map[int]input, error) {
	if len(list) > maxTerms {
		return nil, nil, badRequest("terms", "%d terms; at most %d", len(list), maxTerms)
	}
	inputs := map[int]input{}
	for i, b := range list {
		param := at("terms", i)
		t, err := b.term(param)
		if err != nil {
			return nil, nil, err
		}
		f.Terms = append(f.Terms, t)
		switch {
		case b.Text != nil:
			inputs[i] = textInput(param, *b.Text)
		case b.Image != nil:
			var in input
			if in, err = pictureInput(param, *b.Image); err == nil && (f.Late || t.Region != nil) {
				err = f.Terms[i].look(param, in)
			} else {
				inputs[i] = in
			}
		case b.Audio != nil:
			inputs[i], err = soundInput(param, *b.Audio)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return f, inputs, nil
}

func (b *termBody) term(param string) (Term, error) {
	t := Term{Weight: 1, Vector: b.Vector, Picture: b.Image != nil || b.Audio != nil}
	if !one(b.Text != nil, b.Image != nil, b.Audio != nil, b.Document != nil, len(b.Vector) > 0) {
		return t, badRequest(param, "%s has to hold one of text, image, audio, document and vector", param)
	}
	var err error
	if t.Region, err = regionOf(param+".region", b.Region); err != nil {
		return t, err
	}
	if t.Region != nil && b.Image == nil && b.Document == nil {
		return t, badRequest(param+".region", "a region is a part of a picture; give it with image or document")
	}
	if b.Text != nil {
		t.Text = *b.Text
	}
	if b.Document != nil {
		t.Document = *b.Document
	}
	if b.Weight != nil {
		t.Weight = *b.Weight
	}
	if t.Weight == 0 || !(t.Weight >= -maxWeight && t.Weight <= maxWeight) {
		return t, badRequest(param+".weight", "the weight has to be between -%d and %d, and not 0", maxWeight, maxWeight)
	}
	return t, nil
}

// fillTerms embeds words and pictures with the library's model.
func (s *Server) fillTerms(ctx context.Context, l Library, f *Find, inputs map[int]input) error {
	if len(inputs) == 0 {
		return nil
	}
	if f.Space != "" && f.Space != l.Space() {
		return badRequest("space", "the space %q is not the model's (%s), so that words and pictures cannot be looked for in it; give vectors or documents", clip(f.Space), l.Space())
	}
	model, err := s.encoderOf(l)
	if err != nil {
		return err
	}
	req := embedRequest{of: model}
	var from []int
	for i := range f.Terms {
		if in, ok := inputs[i]; ok {
			req.inputs, from = append(req.inputs, in), append(from, i)
		}
	}
	e, err := s.embedWhole(ctx, req)
	if err != nil {
		return err
	}
	for k, i := range from {
		f.Terms[i].Vector = e.vectors[k]
	}
	return nil
}
