package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"text/tabwriter"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/text/decoder"
)

// answererInspection is the answer of emblem inspect for a model that answers questions
// about pictures.
type answererInspection struct {
	Model       string   `json:"model"`
	Family      string   `json:"family"`
	DType       string   `json:"dtype"`
	Parameters  int      `json:"parameters"`
	WeightBytes int      `json:"weight_bytes"` // with the cache of keys and values
	Context     int      `json:"context_tokens"`
	Pictures    int      `json:"pictures"`     // of a question at most
	Tiles       int      `json:"tiles"`        // of a picture at most, the whole included
	ImageTokens int      `json:"image_tokens"` // of the whole of a picture
	Preprocess  []string `json:"preprocess"`
	Whole       cost     `json:"image"`    // of the whole of a picture
	Question    cost     `json:"question"` // about that, to the first token of the answer
	Bindings    []string `json:"bindings"`
}

func inspectAnswerer(ctx context.Context, a *app, f modelFlags, asJSON bool) error {
	m, err := models.OpenAnswerer(ctx, f.model, models.Options{Device: "dry", DType: f.dtype, Aliases: a.wiring.aliases})
	if err != nil {
		return modelError(err)
	}
	defer m.Close()
	s := m.Sizes()
	i := answererInspection{
		Model: m.Name(), Family: m.Family(), DType: s.DType, Parameters: s.Parameters, WeightBytes: s.Bytes, Context: s.Context, Pictures: s.Pictures,
		Tiles: s.Tiles, Preprocess: s.Steps, Bindings: s.Bindings,
	}
	var state *answer.ImageState
	i.Whole, err = measure(func() (err error) {
		state, err = m.Encode(ctx, image.NewRGBA(image.Rect(0, 0, 640, 480)), answer.PictureOptions{Detail: "low"})
		return err
	})
	if err != nil {
		return err
	}
	i.ImageTokens = state.Tokens
	i.Question, err = measure(func() error {
		_, err := m.Answer(ctx, []*answer.ImageState{state}, "What is in this picture?", answer.Request{Request: decoder.Request{MaxTokens: 1}})
		return err
	})
	if err != nil {
		return err
	}
	if asJSON {
		return newEncoder(a.stdout).Encode(i)
	}
	return i.write(a.stdout)
}

func (i *answererInspection) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "model\t%s (%s), %s\n", i.Model, i.Family, i.DType)
	fmt.Fprintf(t, "answers\tquestions about 1 to %d pictures, %d tokens with the answer\n", i.Pictures, i.Context)
	fmt.Fprintf(t, "weights\t%.2f million, %.1f MB with the cache of keys and values\n", float64(i.Parameters)/1e6, float64(i.WeightBytes)/1e6)
	fmt.Fprintf(t, "a picture\tup to %d tiles of %d tokens, each %.3f GFLOP\n", i.Tiles, i.ImageTokens, float64(i.Whole.FLOPs)/1e9)
	fmt.Fprintf(t, "a question\t%.3f GFLOP about one tile, to the first token\n", float64(i.Question.FLOPs)/1e9)
	for n, s := range i.Preprocess {
		fmt.Fprintf(t, "step %d\t%s\n", n+1, s)
	}
	for _, b := range i.Bindings {
		fmt.Fprintf(t, "weight\t%s\n", b)
	}
	return t.Flush()
}
