package server

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// embedRequest is a request for vectors, whatever dialect it came in.
type embedRequest struct {
	model      string
	of         *encoder // the model, where it is not asked for by name
	inputs     []input
	dimensions int  // to cut vectors to; 0: all
	whole      bool // a text that the model does not read to its end is an error
	strict     bool // an input at fault is the request's error: nothing else is computed
}

// add reads the items of a list of the request, which is named for errors.
func (r *embedRequest) add(list string, items []string, read func(param, s string) (input, error)) error {
	for i, s := range items {
		in, err := read(at(list, i), s)
		if err != nil {
			return err
		}
		r.inputs = append(r.inputs, in)
	}
	return nil
}

// addTexts adds texts that are nothing else, whatever they look like.
func (r *embedRequest) addTexts(list string, texts []string) {
	for i, t := range texts {
		r.inputs = append(r.inputs, textInput(at(list, i), t))
	}
}

// embedding is the answer to an embedRequest.
type embedding struct {
	model     *encoder
	vectors   [][]float32 // by input, nil where errs has one
	errs      []error
	tokens    int   // of texts
	pictures  int   // not sounds
	truncated []int // inputs whose end was dropped
}

// patches is what pictures count as, in tokens.
func (e *embedding) patches() int { return e.pictures * e.model.ImageTokens() }

// firstError is the error of the first input that has one.
func (e *embedding) firstError() error {
	for _, err := range e.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// encoderFor finds a model by the name that a request gives; none is the first.
func (s *Server) encoderFor(name string) (*encoder, error) {
	if len(s.encoders) == 0 {
		return nil, refuse(http.StatusNotFound, "model_not_found", "model", "no model for pictures and words is loaded; start with --model NAME")
	}
	if name == "" {
		return s.encoders[0], nil
	}
	for _, c := range s.encoders {
		if names(c.Name(), name) {
			return c, nil
		}
	}
	var have []string
	for _, c := range s.encoders {
		have = append(have, c.Name())
	}
	return nil, refuse(http.StatusNotFound, "model_not_found", "model", "the model %q is not loaded; loaded: %s", clip(name), strings.Join(have, ", "))
}

// encoderOf finds the model of a library by what its vectors are comparable to: it
// may be served under another name. A library without a model takes the first.
func (s *Server) encoderOf(l Library) (*encoder, error) {
	if l.Model() == "" {
		return s.encoderFor("")
	}
	for _, c := range s.encoders {
		if c.Fingerprint() == l.Fingerprint() {
			return c, nil
		}
	}
	c, err := s.encoderFor(l.Model())
	if err == nil {
		return nil, refuse(http.StatusConflict, "model_changed", "library", "the library %q was made with another version of the model %s, whose vectors are not comparable; make them anew with: emblem library migrate %s --model %s", l.Name(), c.Name(), l.Name(), c.Name())
	}
	return nil, err
}

// names says whether a client's name for a model means this one: the name itself,
// or its last part.
func names(model, name string) bool {
	return strings.EqualFold(model, name) || strings.EqualFold(model, name[strings.LastIndexByte(name, '/')+1:]) ||
		strings.EqualFold(model[strings.LastIndexByte(model, '/')+1:], name)
}

// embed answers a request. An input at fault has its error in the answer; the
// error returned is everybody's.
func (s *Server) embed(ctx context.Context, r embedRequest) (*embedding, error) {
	c, err := r.of, error(nil)
	if c == nil {
		c, err = s.encoderFor(r.model)
	}
	if err != nil {
		return nil, err
	}
	if err := checkInputs(r.inputs); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.dimensions < 0 || r.dimensions > c.Dim() {
		return nil, badRequest("dimensions", "dimensions is %d; %s has 1 to %d", r.dimensions, c.Name(), c.Dim())
	}
	e := &embedding{model: c, vectors: make([][]float32, len(r.inputs)), errs: make([]error, len(r.inputs))}
	release, err := s.fetchPictures(ctx, c, r.inputs, e.errs)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := e.firstError(); err != nil && r.strict {
		return nil, err
	}
	if err := e.texts(ctx, r); err != nil {
		return nil, err
	}
	if err := e.photos(ctx, r); err != nil {
		return nil, err
	}
	for i, v := range e.vectors {
		e.vectors[i] = cut(v, r.dimensions)
	}
	return e, nil
}

// embedWhole is embed for answers that have no place for an input at fault: the
// first one's error is the request's.
func (s *Server) embedWhole(ctx context.Context, r embedRequest) (*embedding, error) {
	r.strict = true
	e, err := s.embed(ctx, r)
	if err != nil {
		return nil, err
	}
	return e, e.firstError()
}

// texts computes the vectors of all inputs that are texts.
func (e *embedding) texts(ctx context.Context, r embedRequest) error {
	var ids [][]int32
	var from []int
	for i, in := range r.inputs {
		if in.isPicture() {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		list, err := e.read(i, in, r.whole)
		if err != nil {
			e.errs[i] = err
			continue
		}
		e.tokens += len(list)
		ids, from = append(ids, list), append(from, i)
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := e.model.embedTexts(ctx, ids)
	if err != nil {
		return err
	}
	for k, f := range found {
		i := from[k]
		e.vectors[i] = f.Value
		if f.Err != nil {
			e.errs[i] = badRequest(r.inputs[i].param, "%s", textError(r.inputs[i], f.Err))
		}
	}
	return nil
}

// textError keeps a model's word on ids that the client made, and nothing else.
func textError(in input, err error) string {
	if in.ids != nil {
		return "the model does not take these token ids: " + err.Error()
	}
	return "the model cannot encode this text"
}

// read turns a text into ids.
func (e *embedding) read(i int, in input, whole bool) ([]int32, error) {
	if in.ids != nil {
		return in.ids, nil
	}
	ids, truncated, err := e.model.EncodeText(in.text)
	switch {
	case err != nil:
		return nil, badRequest(in.param, "the text cannot be read: %v", err)
	case truncated && whole:
		return nil, refuse(http.StatusBadRequest, "input_too_long", in.param, "the text is longer than the %d tokens that %s reads", len(ids), e.model.Name())
	case truncated:
		e.truncated = append(e.truncated, i)
	}
	return ids, nil
}

// photos computes the vectors of all inputs that are pictures.
func (e *embedding) photos(ctx context.Context, r embedRequest) error {
	var files [][]byte
	var from []int
	for i, in := range r.inputs {
		if in.isPicture() && e.errs[i] == nil {
			files, from = append(files, in.picture), append(from, i)
			if !isSound(in.picture) {
				e.pictures++
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	found, err := e.model.embedPictures(ctx, files)
	if err != nil {
		return err
	}
	for k, f := range found {
		i := from[k]
		e.vectors[i] = f.Value
		if f.Err != nil {
			e.errs[i] = pictureError(r.inputs[i].param, f.Err)
		}
	}
	return nil
}

// cut keeps the first n numbers of a vector and makes it one of unit length
// again; 0 keeps all of it. The vector itself is shared and stays.
func cut(v []float32, n int) []float32 {
	if n == 0 || n >= len(v) {
		return v
	}
	var sum float64
	for _, x := range v[:n] {
		sum += float64(x) * float64(x)
	}
	out := make([]float32, n)
	if sum == 0 {
		return out
	}
	scale := 1 / math.Sqrt(sum)
	for i := range out {
		out[i] = float32(float64(v[i]) * scale)
	}
	return out
}

// truncatedListed is how many inputs the header lists: clients and proxies take
// headers of some thousand bytes.
const truncatedListed = 200

// headerFingerprint names the space of the vectors that an answer has, or was made of.
const headerFingerprint = "X-Emblem-Fingerprint"

// stamp sets it, if there is a model.
func stamp(w http.ResponseWriter, fingerprint string) {
	if fingerprint != "" {
		w.Header().Set(headerFingerprint, fingerprint)
	}
}

// header says which model answers and lists inputs whose end was dropped, so that
// nobody is cut without being told.
func (e *embedding) header(w http.ResponseWriter) {
	stamp(w, e.model.Fingerprint())
	list := e.truncated
	if len(list) == 0 {
		return
	}
	value := strings.Trim(fmt.Sprint(list[:min(len(list), truncatedListed)]), "[]")
	if more := len(list) - truncatedListed; more > 0 {
		value += fmt.Sprintf(" and %d more", more)
	}
	w.Header().Set("X-Emblem-Truncated", value)
}
