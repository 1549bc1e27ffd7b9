package answer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text/decoder"
)

// Options for Load. The zero value is right.
type Options struct {
	Name        string // what answers call the model; none: the folder's last part
	FS          fs.FS  // the folder's files, instead of the directory
	Device      string // "auto" (or none), "cpu", "dry"
	DType       string // "auto" (or none), "f32", "f16", "bf16", "int8"
	Bulk        bool   // give way to interactive work on the same device
	Cache       string // a folder that packed weights and encoded pictures are kept in; none: they are not
	CacheTokens int    // how many tokens' keys and values are kept for all questions; 0: as many as decoder.Load takes
	StateBytes  int64  // of encoded pictures that are kept in memory; 0: 256 MiB, below 0: none
}

// folder is a model's folder with what Load was asked for.
type folder struct {
	weights.Folder
	config  weights.Config
	options Options
}

// net is what a family makes of a folder. Its methods may be called from many
// goroutines.
type net interface {
	// recipe says all that becomes of a picture of w×h pixels before and in encode,
	// as far as options and configuration decide it; it is part of the state's key.
	recipe(w, h int, o PictureOptions) string
	// encode makes all of a state but its key.
	encode(ctx context.Context, img image.Image, o PictureOptions) (*ImageState, error)
	answer(ctx context.Context, states []*ImageState, question string, r Request) (Answer, error)
	sizes() Sizes
	close()
}

// ranker is a net that can weigh candidates: the logarithm of the probability of each.
type ranker interface {
	rank(ctx context.Context, states []*ImageState, question string, candidates []string) ([]float64, error)
}

// explainer is a net that can say where in its first picture an answer was seen: a
// grid of w×h numbers of 0 and more, row by row.
type explainer interface {
	explain(ctx context.Context, states []*ImageState, question, answer string) (w, h int, heat []float32, err error)
}

// Sizes are a model's.
type Sizes struct {
	DType      string   // what the weights are stored in: f32, f16, bf16 or int8
	Bytes      int      // of memory that weights and caches take at most
	Parameters int      // the number of weights
	Context    int      // the most tokens of a question with its pictures and answer
	Pictures   int      // the most pictures of a question
	Tiles      int      // the most parts that a picture is cut into, the whole included
	Steps      []string // of the preprocessing
	Bindings   []string // the weights and where each comes from
}

// families by model_type of config.json.
var families = map[string]func(ctx context.Context, f folder) (net, error){
	"blip":     openBLIP,
	"idefics3": openIdefics3,
	"vilt":     openViLT,
	"llava":    openLLaVA,
	"smolvlm":  openIdefics3,
}

// readers by model_type of config.json are families that take no questions: they write
// down the text in a picture.
var readers = map[string]func(ctx context.Context, f folder) (net, error){
	"vision-encoder-decoder": openTrOCR,
}

// Knows tells whether a folder that says it is of this family answers questions.
func Knows(name string) bool { return families[name] != nil }

// Families lists the families that Load knows.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

// Model answers questions about pictures. It is safe for concurrent use.
type Model struct {
	net    net
	name   string
	family string
	print  func() ([32]byte, error) // of weights and configuration, once
	states *states
	disk   *disk // nil: states are kept in memory only
}

// Load reads a model's folder. Any unused, missing or wrongly shaped tensor is an
// error.
func Load(ctx context.Context, dir string, o Options) (*Model, error) {
	f := folder{Folder: weights.Folder{Dir: dir, FS: o.FS}, options: o}
	if o.Name == "" {
		o.Name = folderName(dir)
	}
	var err error
	if f.config, err = f.Config(); err != nil {
		return nil, err
	}
	open := families[f.config.Family]
	if open == nil {
		open = readers[f.config.Family]
	}
	if open == nil {
		return nil, fmt.Errorf("answer: config.json: model_type %q does not answer questions about pictures; %s do", f.config.Family, strings.Join(Families(), ", "))
	}
	m := &Model{name: o.Name, family: f.config.Family, states: newStates(o), disk: diskAt(o.Cache), print: sync.OnceValues(f.print)}
	if m.net, err = open(ctx, f); err != nil {
		return nil, fmt.Errorf("answer: %s: %w", o.Name, err)
	}
	return m, nil
}

// folderName is a folder's public name: its last part.
func folderName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// Close frees the weights.
func (m *Model) Close() { m.net.close() }

// Name is the public one.
func (m *Model) Name() string { return m.name }

// Family is what the folder says it is: idefics3, smolvlm, llava, …
func (m *Model) Family() string { return m.family }

// Sizes says how large the model is.
func (m *Model) Sizes() Sizes { return m.net.sizes() }

// DType is what the weights are stored in: f32, f16, bf16 or int8.
func (m *Model) DType() string { return m.net.sizes().DType }

// Bytes is the memory that weights and caches take at most.
func (m *Model) Bytes() int { return m.net.sizes().Bytes }

// Request says how an answer is made. Its zero value takes the likeliest tokens.
type Request struct {
	decoder.Request
	Each func(decoder.Piece) error // is called with each part of the answer as it comes; none: the answer is told at the end
}

// Answer is what a model says.
type Answer struct {
	Text    string
	IDs     []int32 // the tokens, the one that ends it included
	LogProb float64 // of all of them; 0 where it was not asked for
	Finish  string  // decoder.Stop or decoder.Length
	Usage   Usage
	Ranked  []Ranked // alternatives, of a family that has them; the likeliest first
}

// Usage counts tokens.
type Usage struct {
	decoder.Usage
	Pictures int // tokens of the prompt that are pictures
}

// A PictureError says that the pictures of a question do not fit the model.
type PictureError struct{ Message string }

func (e *PictureError) Error() string { return e.Message }

// mostPictures bounds the pictures of a question.
const mostPictures = 16

// check refuses what no family takes.
func (m *Model) check(states []*ImageState, question string) error {
	most := min(m.net.sizes().Pictures, mostPictures)
	switch {
	case len(states) == 0:
		return &PictureError{"there is no picture; give one to ask about"}
	case len(states) > most:
		return &PictureError{fmt.Sprintf("%d pictures; %s takes %d with a question at most", len(states), m.name, most)}
	case slices.Contains(states, nil):
		return errors.New("answer: a state is nil")
	case strings.TrimSpace(question) == "":
		return &decoder.RequestError{Param: "question", Message: "the question is empty; ask something"}
	}
	return nil
}

// Answer answers a question about pictures, in their order. An error of r.Each, or
// the end of ctx, ends it within a token. A question with too many tokens is a
// *decoder.TooLongError, pictures that do not fit are a [PictureError].
func (m *Model) Answer(ctx context.Context, states []*ImageState, question string, r Request) (Answer, error) {
	if err := m.check(states, question); err != nil {
		return Answer{}, err
	}
	if r.Each == nil {
		r.Each = func(decoder.Piece) error { return nil }
	}
	return m.net.answer(ctx, states, question, r)
}

// Explain says where in the first picture what an answer rests on is: a grid of w×h
// numbers of 0 and more, row by row.
func (m *Model) Explain(ctx context.Context, states []*ImageState, question, answer string) (w, h int, heat []float32, err error) {
	if err := m.check(states, question); err != nil {
		return 0, 0, nil, err
	}
	e, ok := m.net.(explainer)
	if !ok {
		return 0, 0, nil, &UnsupportedError{m.family, "say where it looked"}
	}
	return e.explain(ctx, states, question, answer)
}

// An UnsupportedError says that a family cannot do something.
type UnsupportedError struct{ Family, What string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("models of the family %s cannot %s", e.Family, e.What)
}
