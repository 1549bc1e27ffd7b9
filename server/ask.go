package server

import (
	"context"
	"errors"
	"image"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/internal/batch"
	"github.com/emblem-search/emblem/internal/picture"
)

// AskedLibrary is what a Library can do besides: answer questions about all of its
// pictures, and keep what people say is right.
type AskedLibrary interface {
	Ask(ctx context.Context, question string, o ask.CollectionOptions) (ask.CollectionAnswer, error)
	Correct(ctx context.Context, c ask.Correction) (ask.Correction, error)
	Corrections(ctx context.Context) ([]ask.Correction, error)
	Revoke(ctx context.Context, id string) error
	// Corrected is what stands for a question about a picture, nil if nothing does.
	Corrected(ctx context.Context, question, document string, vector []float32, fingerprint string) (*ask.Correction, error)
}

// askBody is the request of POST /v1/ask.
type askBody struct {
	Model          string   `json:"model"`
	Question       string   `json:"question"`
	Image          *string  `json:"image"`    // a data URL, base64 or an address that may be fetched
	Document       *string  `json:"document"` // in the place of image: of the library
	Library        string   `json:"library"`  // what is asked without a picture; default: the first
	Candidates     []string `json:"candidates"`
	Evidence       bool     `json:"evidence"`
	Counterfactual bool     `json:"counterfactual"` // answer again without what the evidence shows
	Detail         string   `json:"detail"`         // low, high or auto
	MaxTiles       int      `json:"max_tiles"`
	DeadlineMS     int      `json:"deadline_ms"` // answer from the whole first, look closer while time is left
	Stream         bool     `json:"stream"`
	Limit          int      `json:"limit"`      // pictures that are cited
	Budget         int      `json:"budget"`     // pictures that are inspected
	MaxTokens      int      `json:"max_tokens"` // of an answer, of models that answer of their own weights

	file []byte
}

// askAnswer is what is answered.
type askAnswer struct {
	Model          string            `json:"model"`
	Library        string            `json:"library,omitempty"`
	Question       string            `json:"question"`
	Kind           ask.Kind          `json:"kind"`
	Answer         string            `json:"answer"`
	Delta          string            `json:"delta,omitempty"` // what a partial answer has more than the one before
	IDs            []int32           `json:"ids,omitempty"`   // tokens of the answer, of models that make some
	Finish         string            `json:"finish_reason,omitempty"`
	Abstained      bool              `json:"abstained"`
	Probability    float64           `json:"probability"`
	Answers        []ask.Alternative `json:"answers"`
	Count          *ask.Counted      `json:"count,omitempty"`
	Annotations    []ask.Annotation  `json:"annotations,omitempty"`
	Evidence       *askEvidence      `json:"evidence,omitempty"`
	Counterfactual *askAgain         `json:"counterfactual,omitempty"`
	Correction     string            `json:"correction,omitempty"` // id of what somebody said
	Partial        bool              `json:"partial,omitempty"`    // a better answer follows in the stream
	Usage          askUsage          `json:"usage"`
}

// askEvidence is where the answer was seen: a map as of the heat route, and boxes in
// pixels of the picture.
type askEvidence struct {
	Of string `json:"of"` // the phrase that was looked for
	heatAnswer
	Boxes   [][4]int `json:"boxes"`   // x, y, width, height
	Picture [2]int   `json:"picture"` // its width and height, upright
}

// askAgain is the answer without the evidence.
type askAgain struct {
	Answer      string            `json:"answer"`
	Abstained   bool              `json:"abstained"`
	Probability float64           `json:"probability"`
	Answers     []ask.Alternative `json:"answers"`
}

type askUsage struct {
	Tiles      int `json:"tiles"`                    // of the picture, besides the whole; of models that answer of their own weights with it
	Inspected  int `json:"inspected,omitempty"`      // pictures of the library
	Prompt     int `json:"prompt_tokens,omitempty"`  // of models that answer of their own weights
	Pictures   int `json:"picture_tokens,omitempty"` // of the prompt
	Cached     int `json:"cached_tokens,omitempty"`  // of the prompt, that were computed for an earlier one
	Completion int `json:"completion_tokens,omitempty"`
}

const (
	mostAnswers  = 20 // alternatives that are told
	mostBudget   = 20_000
	mostDeadline = 600_000
)

// askRoutes answer questions.
func (s *Server) askRoutes() []route {
	const corrections = "/v1/libraries/:library/corrections"
	return []route{
		{method: "POST", path: "/v1/ask", scope: ScopeAsk, handle: s.ask, body: askBody{}, answer: askAnswer{},
			doc: "Answer a question about a picture, or about all of a library: alternatives with probabilities, an abstention, evidence. JSON or a form; with stream as server-sent events."},
		{method: "GET", path: corrections, scope: ScopeSearch, handle: s.listCorrections, answer: correctionList{}, doc: "List the answers that people corrected."},
		{method: "POST", path: corrections, scope: ScopeWrite, handle: s.correct, body: correctBody{}, answer: ask.Correction{}, doc: "Say what the right answer to a question about a picture is."},
		{method: "DELETE", path: corrections + "/:id", scope: ScopeWrite, handle: s.revoke, doc: "Take a correction back."},
	}
}

// ask answers POST /v1/ask.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) error {
	body, release, err := s.readAsk(w, r)
	if err != nil {
		return err
	}
	defer release()
	if !body.Stream {
		a, err := s.answer(r.Context(), callerOf(r), body, nil)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, a)
		return nil
	}
	events := &events{w: w, line: http.NewResponseController(w)}
	a, err := s.answer(r.Context(), callerOf(r), body, func(a *askAnswer) error { return events.send(a) })
	if err == nil {
		err = events.send(a)
	}
	if err != nil {
		return events.fail(err)
	}
	events.end()
	return nil
}

// readAsk reads the request as JSON, or as a form with a part image.
func (s *Server) readAsk(w http.ResponseWriter, r *http.Request) (*askBody, func(), error) {
	var b askBody
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		release, err := s.readJSON(w, r, &b)
		if err != nil {
			return nil, nil, err
		}
		if err := s.checkAsked(&b); err != nil {
			release()
			return nil, nil, err
		}
		return &b, release, nil
	}
	fields, release, err := s.readParts(w, r)
	if err != nil {
		return nil, nil, err
	}
	for i, f := range fields {
		if err == nil {
			err = b.part(i, f)
		}
	}
	if err == nil {
		err = s.checkAsked(&b)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return &b, release, nil
}

// part reads one part of a form.
func (b *askBody) part(i int, f field) (err error) {
	text := string(f.data)
	number := func(to *int) {
		if *to, err = strconv.Atoi(text); err != nil {
			err = badRequest(f.name, "%s is %q; give a whole number", f.name, clip(text))
		}
	}
	flag := func(to *bool) {
		if *to, err = strconv.ParseBool(text); err != nil {
			err = badRequest(f.name, "%s is %q; give true or false", f.name, clip(text))
		}
	}
	switch f.name {
	case "image":
		if b.file != nil {
			return badRequest("image", "give one image; ask about each by itself")
		}
		b.file = f.data
	case "request": // the rest as JSON
		return unmarshal(f.data, b)
	case "question":
		b.Question = text
	case "model":
		b.Model = text
	case "library":
		b.Library = text
	case "document":
		b.Document = &text
	case "candidates":
		b.Candidates = append(b.Candidates, text)
	case "detail":
		b.Detail = text
	case "evidence":
		flag(&b.Evidence)
	case "counterfactual":
		flag(&b.Counterfactual)
	case "stream":
		flag(&b.Stream)
	case "max_tiles":
		number(&b.MaxTiles)
	case "deadline_ms":
		number(&b.DeadlineMS)
	case "limit":
		number(&b.Limit)
	case "budget":
		number(&b.Budget)
	case "max_tokens":
		number(&b.MaxTokens)
	default:
		return badRequest(at("parts", i), "the part %q is none of those of /v1/ask; see /openapi.json", clip(f.name))
	}
	return err
}

func (b *askBody) check() error {
	switch {
	case b.Question == "":
		return badRequest("question", "say what to answer: question is a string such as \"is there a dog?\"")
	case b.hasImage() && b.Document != nil:
		return badRequest("document", "give image or document, not both")
	case b.Detail != "" && b.Detail != "low" && b.Detail != "high" && b.Detail != "auto":
		return badRequest("detail", "detail is %q; it has to be low, high or auto", clip(b.Detail))
	case b.MaxTiles < 0:
		return badRequest("max_tiles", "max_tiles is %d; give 0, which is all, or more", b.MaxTiles)
	case b.DeadlineMS < 0 || b.DeadlineMS > mostDeadline:
		return badRequest("deadline_ms", "deadline_ms is %d; give 0, which is none, to %d", b.DeadlineMS, mostDeadline)
	case b.Limit < 0 || b.Limit > maxLimit:
		return badRequest("limit", "limit is %d; give 1 to %d", b.Limit, maxLimit)
	case b.Budget < 0 || b.Budget > mostBudget:
		return badRequest("budget", "budget is %d; give 1 to %d", b.Budget, mostBudget)
	case (b.Evidence || b.Counterfactual) && !b.aboutPicture():
		return badRequest("evidence", "evidence is of a picture; give image or document")
	case b.MaxTokens < 0:
		return badRequest("max_tokens", "max_tokens is %d; give 0, which is the model's own number, or more", b.MaxTokens)
	}
	return nil
}

// checkAsked is check with what depends on the model: some answer all questions.
func (s *Server) checkAsked(b *askBody) error {
	if err := b.check(); err != nil {
		return err
	}
	if a := s.answererFor(b.Model); a != nil {
		if !b.aboutPicture() && b.Model != "" {
			return badRequest("image", "the model %s answers about pictures; give image or document", a.Name())
		}
		if b.aboutPicture() {
			return nil
		}
	}
	if _, err := ask.Read(b.Question, b.Candidates); err != nil {
		return askError(err)
	}
	return nil
}

func (b *askBody) hasImage() bool     { return b.Image != nil || b.file != nil }
func (b *askBody) aboutPicture() bool { return b.hasImage() || b.Document != nil }

// askError gives the errors of package ask their status.
func askError(err error) error {
	var uncovered *ask.UncoveredError
	if errors.As(err, &uncovered) {
		return refuse(http.StatusUnprocessableEntity, "question_not_covered", "question", "%s", uncovered)
	}
	return badRequest("candidates", "%v", err)
}

// answer answers a request. partial, if not nil, gets a first answer from less than all
// that is looked at.
func (s *Server) answer(ctx context.Context, c *Caller, b *askBody, partial func(*askAnswer) error) (*askAnswer, error) {
	if !b.aboutPicture() {
		return s.askLibrary(ctx, c, b)
	}
	var l Library
	if b.Document != nil || b.Library != "" {
		var err error
		if l, err = s.askedLibrary(ctx, c, b.Library); err != nil {
			return nil, err
		}
	}
	x := &asking{Server: s, body: b, library: l}
	if x.answerer = s.answererFor(b.Model); x.answerer != nil {
		return x.runAnswerer(ctx, partial)
	}
	var err error
	if l != nil && b.Model == "" {
		x.encoder, err = s.encoderOf(l)
	} else {
		x.encoder, err = s.encoderFor(b.Model)
	}
	if err != nil {
		return nil, err
	}
	return x.run(ctx, partial)
}

// askedLibrary is the library of a request; none is the first that the caller may use.
func (s *Server) askedLibrary(ctx context.Context, c *Caller, name string) (Library, error) {
	if name == "" && s.Libraries != nil {
		names, err := s.Libraries.Names(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if c.reaches(n) {
				return s.libraryOf(ctx, c, n, false)
			}
		}
		return nil, refuse(http.StatusNotFound, "library_not_found", "library", "there is no library to ask; give image, or make a library with: emblem index FOLDER")
	}
	return s.libraryOf(ctx, c, name, false)
}

// askLibrary answers a question about all pictures of a library.
func (s *Server) askLibrary(ctx context.Context, c *Caller, b *askBody) (*askAnswer, error) {
	l, err := s.askedLibrary(ctx, c, b.Library)
	if err != nil {
		return nil, err
	}
	asked, err := canAsk(l)
	if err != nil {
		return nil, err
	}
	if b.DeadlineMS > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(b.DeadlineMS)*time.Millisecond)
		defer cancel()
	}
	a, err := asked.Ask(ctx, b.Question, ask.CollectionOptions{Candidates: b.Candidates, Limit: b.Limit, Budget: b.Budget})
	if err != nil {
		return nil, err
	}
	return &askAnswer{Model: l.Model(), Library: l.Name(), Question: b.Question, Kind: a.Kind, Answer: a.Answer, Abstained: a.Abstained, Probability: a.Probability,
		Answers: told(a.Alternatives), Count: a.Count, Annotations: a.Annotations, Usage: askUsage{Inspected: a.Inspected}}, nil
}

func canAsk(l Library) (AskedLibrary, error) {
	if a, ok := l.(AskedLibrary); ok {
		return a, nil
	}
	return nil, refuse(http.StatusNotImplemented, "ask_not_supported", "library", "the library %q does not answer questions", l.Name())
}

func told(all []ask.Alternative) []ask.Alternative {
	out := []ask.Alternative{}
	for _, a := range all[:min(len(all), mostAnswers)] {
		out = append(out, ask.Alternative{Answer: a.Answer, Probability: math.Round(1e4*a.Probability) / 1e4})
	}
	return out
}

// encoderAsked is a model as package ask takes it: its texts and pictures wait in the
// queues with all others.
type encoderAsked struct{ *encoder }

// EmbedTexts implements ask.Encoder.
func (e encoderAsked) EmbedTexts(ctx context.Context, texts []string) ([][]float32, error) {
	ids := make([][]int32, len(texts))
	for i, t := range texts {
		var err error
		if ids[i], _, err = e.EncodeText(t); err != nil {
			return nil, badRequest("model", "%s reads no questions: %v", e.Name(), err)
		}
	}
	found, err := e.embedTexts(ctx, ids)
	return vectorsFrom(found, err)
}

// EmbedImages implements ask.Encoder.
func (e encoderAsked) EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error) {
	photos := make([]*photo, len(images))
	for i, m := range images {
		px, err := e.Preprocess(m)
		if err != nil {
			return nil, pictureError("image", err)
		}
		photos[i] = &photo{key: batch.KeyOf(px.RGB), pixels: &px}
	}
	found, err := e.pictures.Do(ctx, photos)
	list, err := whole(found, err)
	return vectorsFrom(list, err)
}

func vectorsFrom(found results, err error) ([][]float32, error) {
	out := make([][]float32, len(found))
	for i, f := range found {
		if f.Err != nil && err == nil {
			err = f.Err
		}
		out[i] = f.Value
	}
	return out, err
}

// located is a model that says where it sees something.
type located struct {
	encoderAsked
	Heater
}

type correctionList struct {
	Corrections []ask.Correction `json:"corrections"`
}

// decodeSeen decodes a picture of a question, when there is memory for it.
func decodeSeen(ctx context.Context, decoding *semaphore.Weighted, param string, file []byte) (image.Image, error) {
	o := picture.Options{}
	if isSound(file) {
		return nil, refuse(http.StatusBadRequest, "invalid_image", param, "this is a sound; questions are about pictures")
	}
	cost, err := decodeCost(file, o)
	if err != nil {
		return nil, pictureError(param, err)
	}
	if err := decoding.Acquire(ctx, cost); err != nil {
		return nil, err
	}
	defer decoding.Release(cost)
	m, err := picture.Decode(file, o)
	if err != nil {
		return nil, pictureError(param, err)
	}
	return m, nil
}
