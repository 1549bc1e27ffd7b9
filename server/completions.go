package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/text/decoder"
)

// completionsBody is the request of POST /v1/completions: OpenAI's, with the names
// that vLLM gives to what OpenAI does not have.
type completionsBody struct {
	sampled
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	MaxTokens     *int            `json:"max_tokens"` // 16, as OpenAI has it
	N             *int            `json:"n"`
	Stop          json.RawMessage `json:"stop"`
	LogProbs      *int            `json:"logprobs"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`

	Format *format `json:"response_format"`

	Echo   bool   `json:"echo"`
	Suffix string `json:"suffix"`
	BestOf *int   `json:"best_of"`
}

// completionsAnswer is what comes back, whole or as one part of a stream.
type completionsAnswer struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   *completionUsage   `json:"usage,omitempty"`
}

type completionChoice struct {
	Text     string              `json:"text"`
	Index    int                 `json:"index"`
	LogProbs *completionLogProbs `json:"logprobs"`
	Finish   *string             `json:"finish_reason"`
}

// completionLogProbs has an element for each token in every list.
type completionLogProbs struct {
	Tokens  []string             `json:"tokens"`
	Values  []float32            `json:"token_logprobs"`
	Tops    []map[string]float32 `json:"top_logprobs"`
	Offsets []int                `json:"text_offset"` // characters of the text before it
}

type completionUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	Details          struct {
		Cached int `json:"cached_tokens"`
		Images int `json:"image_tokens,omitempty"`
	} `json:"prompt_tokens_details"`
}

const (
	defaultCompletion = 16 // tokens
	mostChoices       = 128
	mostStops         = 16
)

// completionRoutes are those of models that continue texts.
func (s *Server) completionRoutes() []route {
	return []route{{method: "POST", path: "/v1/completions", scope: ScopeAsk, handle: s.completions, body: completionsBody{}, answer: completionsAnswer{},
		doc: "Continue texts: OpenAI's request, with vLLM's top_k, min_p and repetition_penalty; with stream as server-sent events."}}
}

// completions answers POST /v1/completions.
func (s *Server) completions(w http.ResponseWriter, r *http.Request) error {
	var body completionsBody
	release, err := s.readJSON(w, r, &body)
	if err != nil {
		return err
	}
	defer release()
	c, err := s.completerFor(body.Model)
	if err != nil {
		return err
	}
	t, err := body.task(c)
	if err != nil {
		return err
	}
	leave, err := c.seats.enter(t.choices())
	if err != nil {
		return err
	}
	defer leave()
	t.answer = completionsAnswer{ID: "cmpl-" + w.Header().Get(headerRequestID), Object: "text_completion", Created: time.Now().Unix(), Model: c.Name()}
	if body.Stream {
		return t.stream(w, r, body.StreamOptions.IncludeUsage)
	}
	return t.whole(w, r)
}

// continuation is the work of one request: n choices for each prompt.
type continuation struct {
	model   *completer
	prompts [][]int32
	n       int
	request decoder.Request
	answer  completionsAnswer // its head
}

func (t *continuation) choices() int { return len(t.prompts) * t.n }

// task reads the request.
func (b *completionsBody) task(c *completer) (*continuation, error) {
	if err := b.refuseOthers(); err != nil {
		return nil, err
	}
	t := &continuation{model: c, n: 1}
	if b.N != nil {
		t.n = *b.N
	}
	var err error
	if t.prompts, err = b.prompts(c); err != nil {
		return nil, err
	}
	if t.n < 1 || t.n*len(t.prompts) > mostChoices {
		return nil, badRequest("n", "%d choices for %d prompts; at least 1, and at most %d together", t.n, len(t.prompts), mostChoices)
	}
	t.request, err = b.request(c.Defaults())
	return t, err
}

// refuseOthers names what OpenAI has and this server has not.
func (b *completionsBody) refuseOthers() error {
	return refuseUsed(append(b.others(), []unsupported{
		{"echo", b.Echo}, {"suffix", b.Suffix != ""}, {"best_of", b.BestOf != nil && *b.BestOf > 1 && (b.N == nil || *b.BestOf != *b.N)},
	}...))
}

// request is what the model asks for, with what the client says.
func (b *completionsBody) request(r decoder.Request) (decoder.Request, error) {
	r.MaxTokens = defaultCompletion
	if b.MaxTokens != nil {
		if r.MaxTokens = *b.MaxTokens; r.MaxTokens < 1 {
			return r, badRequest("max_tokens", "max_tokens is %d; at least 1", r.MaxTokens)
		}
	}
	b.over(&r)
	if b.LogProbs != nil {
		r.LogProbs, r.Tops = true, *b.LogProbs
	}
	var err error
	if r.Stop, err = stopStrings(b.Stop); err != nil {
		return r, err
	}
	if r.Schema, err = b.Format.schema(); err != nil {
		return r, err
	}
	return r, requestError(r.Check())
}

// requestError turns an error of the decoder into one for the client.
func requestError(err error) error {
	var bad *decoder.RequestError
	var long *decoder.TooLongError
	switch {
	case errors.As(err, &bad) && bad.Param == "schema":
		return badRequest("response_format", "%s", bad.Message)
	case errors.As(err, &bad):
		return badRequest(bad.Param, "%s", bad.Message)
	case errors.As(err, &long):
		return refuse(http.StatusBadRequest, "context_length_exceeded", "prompt", "%s", long.Error())
	}
	return err
}

// prompts reads a string, a list of strings, token ids, or a list of lists of them.
func (b *completionsBody) prompts(c *completer) ([][]int32, error) {
	list := []json.RawMessage{b.Prompt}
	var items []json.RawMessage
	if json.Unmarshal(b.Prompt, &items) == nil && len(items) > 0 && !isNumber(items[0]) {
		list = items
	}
	if len(list) > mostChoices {
		return nil, badRequest("prompt", "%d prompts; at most %d in a request", len(list), mostChoices)
	}
	out := make([][]int32, len(list))
	for i, raw := range list {
		var text string
		if json.Unmarshal(raw, &text) != nil || string(raw) == "null" {
			if json.Unmarshal(raw, &out[i]) != nil || len(out[i]) == 0 {
				return nil, badRequest("prompt", "prompt has to be a string, a list of token ids, or a list of such")
			}
			continue
		}
		var err error
		if out[i], err = c.Encode(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// run computes all choices side by side and calls each with what follows; calls for
// different choices come at the same time.
func (t *continuation) run(ctx context.Context, each func(choice int, p decoder.Piece) error) (completionUsage, error) {
	usages := make([]decoder.Usage, t.choices())
	group, ctx := errgroup.WithContext(ctx)
	for i := range usages {
		group.Go(func() (err error) {
			r := t.request
			r.Seed += uint64(i % t.n)
			usages[i], err = t.model.CompleteTokens(ctx, t.prompts[i/t.n], r, func(p decoder.Piece) error { return each(i, p) })
			return requestError(err)
		})
	}
	err := group.Wait()
	var u completionUsage
	for i, one := range usages {
		u.CompletionTokens += one.Generated
		if i%t.n == 0 {
			u.PromptTokens += one.Prompt
			u.Details.Cached += one.Cached
		}
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	return u, err
}

// whole answers when all is there.
func (t *continuation) whole(w http.ResponseWriter, r *http.Request) error {
	choices := make([]completionChoice, t.choices())
	u, err := t.run(r.Context(), func(i int, p decoder.Piece) error {
		c := &choices[i]
		c.Index = i
		if t.request.LogProbs {
			if c.LogProbs == nil {
				c.LogProbs = &completionLogProbs{}
			}
			c.LogProbs.add(t.model, p, utf8.RuneCountInString(c.Text))
		}
		c.Text += p.Text
		c.Finish = some(p.Finish)
		return nil
	})
	if err != nil {
		return err
	}
	a := t.answer
	a.Choices, a.Usage = choices, &u
	writeJSON(w, http.StatusOK, a)
	return nil
}

// add appends a token that begins after so many characters.
func (l *completionLogProbs) add(c *completer, p decoder.Piece, offset int) {
	tops := map[string]float32{}
	for _, t := range p.Tops {
		if text := c.TokenText(t.ID); tops[text] == 0 { // parts of characters look alike: the likeliest counts
			tops[text] = t.LogProb
		}
	}
	l.Tokens, l.Values = append(l.Tokens, c.TokenText(p.ID)), append(l.Values, p.LogProb)
	l.Tops, l.Offsets = append(l.Tops, tops), append(l.Offsets, offset)
}
