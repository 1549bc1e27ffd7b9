package main

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
)

// wordModels name the models that put pictures into words for their index.
type wordModels struct {
	CaptionModel string // describes them; none: nothing does
	ReadModel    string // writes down the text in them
}

// addWordModels defines their flags.
func addWordModels(cmd *cobra.Command, w *wordModels) {
	f := cmd.Flags()
	f.StringVar(&w.CaptionModel, "caption-model", "", "a model that describes pictures, such as Salesforce/blip-image-captioning-base: its words are found by search")
	f.StringVar(&w.ReadModel, "read-model", "", "a model that writes down the text in pictures, such as microsoft/trocr-base-printed: so is what it reads")
}

// resolve makes the names absolute.
func (w *wordModels) resolve(a *app) (err error) {
	if w.CaptionModel, err = a.modelRef(w.CaptionModel); err == nil {
		w.ReadModel, err = a.modelRef(w.ReadModel)
	}
	return err
}

// leastRead is how probable a token of text must be on average: a model that reads lines
// of text reads something in every picture.
const leastRead = 0.5

// describer implements library.Describer.
type describer struct {
	name          string
	caption, read *answer.Model // nil: none
	least         float64
}

// describer opens the models; nil where none is named.
func (h *host) describer(ctx context.Context, w wordModels) (library.Describer, error) {
	if w == (wordModels{}) {
		return nil, nil
	}
	d := &describer{least: leastRead}
	var err error
	if d.caption, err = h.answerer(ctx, w.CaptionModel); err != nil {
		return nil, err
	}
	if d.read, err = h.answerer(ctx, w.ReadModel); err != nil {
		return nil, err
	}
	if m := d.caption; m != nil && !m.Captions() {
		return nil, usagef("--caption-model: %s does not describe pictures; take one that does, such as Salesforce/blip-image-captioning-base", m.Name())
	}
	if m := d.read; m != nil && !m.Reads() {
		return nil, usagef("--read-model: %s does not write down text; take one that does, such as microsoft/trocr-base-printed", m.Name())
	}
	if d.caption != nil {
		d.name = "caption " + d.caption.Name()
	}
	if d.read != nil {
		d.name += " read " + d.read.Name()
	}
	return d, nil
}

// Name implements library.Describer.
func (d *describer) Name() string { return d.name }

// Describe implements library.Describer.
func (d *describer) Describe(ctx context.Context, img image.Image, captioned bool) (caption, text string, err error) {
	if d.caption != nil && !captioned {
		state, err := d.caption.Encode(ctx, img, answer.PictureOptions{})
		if err != nil {
			return "", "", err
		}
		a, err := d.caption.Caption(ctx, state, "", answer.Request{})
		if err != nil {
			return "", "", err
		}
		caption = a.Text
	}
	if d.read == nil {
		return caption, "", nil
	}
	r := answer.Request{}
	r.LogProbs = true
	a, err := d.read.ReadPicture(ctx, img, r)
	if err != nil || math.Exp(a.LogProb/float64(max(len(a.IDs), 1))) < d.least {
		return caption, "", err
	}
	return caption, a.Text, nil
}

// answerer opens a model that looks at pictures once; nil where none is named.
func (h *host) answerer(ctx context.Context, ref string) (*answer.Model, error) {
	if ref == "" {
		return nil, nil
	}
	h.opening.Lock()
	defer h.opening.Unlock()
	if m := h.answerers[ref]; m != nil {
		return m, nil
	}
	m, err := models.OpenAnswerer(ctx, ref, models.Options{Device: h.device, DType: "auto", Bulk: true, Cache: h.wiring.cache, Aliases: h.wiring.aliases})
	if err != nil {
		return nil, modelError(fmt.Errorf("%s: %w", ref, err))
	}
	if h.answerers == nil {
		h.answerers = map[string]*answer.Model{}
	}
	h.answerers[ref] = m
	return m, nil
}
