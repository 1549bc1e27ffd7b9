package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/text/decoder"
)

// decoderInspection is the answer of emblem inspect for a language model.
type decoderInspection struct {
	Model       string   `json:"model"`
	Family      string   `json:"family"`
	DType       string   `json:"dtype"`
	Parameters  int      `json:"parameters"`
	WeightBytes int      `json:"weight_bytes"` // with the cache of keys and values
	Context     int      `json:"context_tokens"`
	Vocabulary  int      `json:"vocabulary"`
	Chat        bool     `json:"chat"`          // it answers in conversations
	Tools       bool     `json:"tools"`         // and its template has a place for tools
	PromptSize  int      `json:"prompt_tokens"` // of the prompt that is measured
	Prompt      cost     `json:"prompt"`        // to the first token
	Bindings    []string `json:"bindings"`
}

// measuredPrompt is how long the prompt is that inspect measures, in tokens.
const measuredPrompt = 128

func inspectDecoder(ctx context.Context, a *app, f modelFlags, asJSON bool) error {
	d, err := models.OpenDecoder(ctx, f.model, models.Options{Device: "dry", DType: f.dtype, Aliases: a.wiring.aliases})
	if err != nil {
		return modelError(err)
	}
	defer d.Close()
	i := decoderInspection{
		Model: d.Name, Family: d.Family, DType: d.DType(), Parameters: d.Parameters(), WeightBytes: d.Bytes(), Context: d.Positions(), Vocabulary: d.Vocabulary(),
		Chat: d.Template != nil, Tools: d.Template != nil && d.Template.Tools(), PromptSize: min(measuredPrompt, d.Positions()-1), Bindings: d.Bindings(),
	}
	i.Prompt, err = measure(func() error {
		_, err := d.Generate(ctx, make([]int32, i.PromptSize), decoder.Request{MaxTokens: 1}, func(decoder.Token) error { return nil })
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

func (i *decoderInspection) write(w io.Writer) error {
	does := "continues texts"
	if i.Chat {
		does += ", answers in conversations"
	}
	if i.Tools {
		does += ", calls tools"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "model\t%s (%s), %s\n", i.Model, i.Family, i.DType)
	fmt.Fprintf(t, "texts\t%s; %d tokens of %d kinds\n", does, i.Context, i.Vocabulary)
	fmt.Fprintf(t, "weights\t%.2f million, %.1f MB with the cache of keys and values\n", float64(i.Parameters)/1e6, float64(i.WeightBytes)/1e6)
	fmt.Fprintf(t, "a prompt\t%.3f GFLOP for %d tokens, to the first that follows\n", float64(i.Prompt.FLOPs)/1e9, i.PromptSize)
	for _, b := range i.Bindings {
		fmt.Fprintf(t, "weight\t%s\n", b)
	}
	return t.Flush()
}
