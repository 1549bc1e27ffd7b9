package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/vit"
)

// classifyFlags are the flags of emblem classify.
type classifyFlags struct {
	modelFlags
	labels        string
	templates     []string
	ensemble      string
	top           int
	json          bool
	maxMegapixels uint
}

func newClassifyCmd(a *app) *cobra.Command {
	var f classifyFlags
	cmd := &cobra.Command{
		Use:   "classify [--labels a,b,c|@FILE] IMAGE...",
		Short: "Say which of some labels fits each picture",
		Long: `Say which of some labels fits each picture.

With --labels, no training is needed: each label is put into templates, and the
pictures are compared with the mean of their vectors. Without, the model has to
have a classification head, and its own labels are used.`,
		Example: `  emblem classify --labels cat,dog,"a red car" photos/*.jpg
  emblem classify --model openai/clip-vit-base-patch32 --labels @classes.txt --ensemble clip-80 a.jpg
  emblem classify --model google/vit-base-patch16-224 --top 5 a.jpg`,
		Args: atLeastOne("one picture"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.labels, "labels", "", "labels with commas between them, or @FILE with one a line; none: those of the model's head")
	cmd.Flags().StringArrayVar(&f.templates, "template", []string{"{}", "a photo of {}", "a picture of {}"}, "a text with {} for the label; may be given many times")
	cmd.Flags().StringVar(&f.ensemble, "ensemble", "", "templates that others measured with: clip-80 or clip-7, those of CLIP's authors for ImageNet")
	cmd.Flags().IntVar(&f.top, "top", 0, "only the best so many labels, best first; 0 is the best for people and all of them with --json")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object per line")
	addMegapixels(cmd, &f.maxMegapixels)
	return cmd
}

// classified is one picture's line.
type classified struct {
	Index  int      `json:"index"`
	Input  string   `json:"input"`
	Label  string   `json:"label,omitempty"` // the best one
	Labels []chance `json:"labels,omitempty"`
	Model  string   `json:"model"`
	DType  string   `json:"dtype"`
	Error  *message `json:"error,omitempty"`
}

// chance is one label's score: in the order given, or best first with --top.
type chance struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
	Logit       float32 `json:"logit"`
}

// classifier gives pictures a logit for each of its labels.
type classifier struct {
	labels        []string
	logits        func(context.Context, []vit.Pixels) ([][]float32, error)
	probabilities func(logits []float32) []float32
}

func (f *classifyFlags) run(ctx context.Context, a *app, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	c, err := f.classifier(ctx, a, m)
	if err != nil {
		return err
	}
	paths := picturePaths(args)
	rows, failed, err := encodeFiles(ctx, m, paths, f.maxMegapixels, c.logits)
	if err != nil {
		return err
	}
	for i, row := range rows {
		line := classified{Index: i, Input: paths[i], Model: m.Name(), DType: m.DType()}
		if row == nil {
			line.Error = &message{failed[0].Message}
			failed = failed[1:]
			err = errInputs
		} else {
			line.rank(c, row, f.top)
		}
		if werr := line.write(a.stdout, f.json, f.top); werr != nil {
			return werr
		}
	}
	return err
}

func (f *classifyFlags) check() error {
	if err := oneOf("ensemble", f.ensemble, "", "clip-80", "clip-7"); err != nil {
		return err
	}
	if f.ensemble != "" {
		f.templates = clipTemplates(f.ensemble)
	}
	for _, t := range f.templates {
		if !strings.Contains(t, "{}") {
			return usagef("--template %q has no {} for the label", t)
		}
	}
	if f.top < 0 {
		return usagef("--top %d is not a number of labels", f.top)
	}
	return nil
}

// classifier is the model's head, or the labels that were given.
func (f *classifyFlags) classifier(ctx context.Context, a *app, m *models.Model) (classifier, error) {
	own := m.Vision().Labels()
	switch {
	case f.labels == "" && len(own) > 0:
		return classifier{own, m.Vision().Classify, m.Vision().Chances}, ready(m, false, true)
	case f.labels == "" && m.PicturesOnly():
		return classifier{}, refusef("no_head", "%s makes vectors and has no classification head; use a model with one, or one of pictures and words with --labels", m.Name())
	case len(own) > 0 && m.PicturesOnly():
		return classifier{}, usagef("%s knows no words but the %d labels of its own head; leave --labels out", m.Name(), len(own))
	}
	labels, err := readLabels(a, f.labels)
	if err != nil {
		return classifier{}, err
	}
	if err := ready(m, true, true); err != nil {
		return classifier{}, err
	}
	classes, err := f.classes(ctx, m, labels)
	logits := func(ctx context.Context, px []vit.Pixels) ([][]float32, error) {
		vectors, err := m.EmbedPixels(ctx, px)
		return m.Logits(vectors, classes), err
	}
	return classifier{labels, logits, m.Probabilities}, err
}

// classes are the labels' vectors: the mean over the templates, at unit length.
func (f *classifyFlags) classes(ctx context.Context, m *models.Model, labels []string) ([][]float32, error) {
	var texts []string
	for _, l := range labels {
		for _, t := range f.templates {
			texts = append(texts, strings.ReplaceAll(t, "{}", l))
		}
	}
	vectors, err := m.EmbedTexts(ctx, texts)
	if err != nil {
		return nil, err
	}
	means := make([][]float32, len(labels))
	for i := range means {
		means[i] = make([]float32, m.Dim())
		for _, v := range vectors[i*len(f.templates):][:len(f.templates)] {
			for k, x := range v {
				means[i][k] += x
			}
		}
	}
	return fusion.Normalize(means), nil
}

// rank fills in the labels: all in their order, or the best so many, best first.
func (l *classified) rank(c classifier, logits []float32, top int) {
	for i, p := range c.probabilities(logits) {
		l.Labels = append(l.Labels, chance{c.labels[i], p, logits[i]})
	}
	best := func(a, b chance) int { return cmp.Compare(b.Logit, a.Logit) }
	l.Label = slices.MinFunc(l.Labels, best).Label
	if top > 0 {
		slices.SortStableFunc(l.Labels, best)
		l.Labels = l.Labels[:min(top, len(l.Labels))]
	}
}

func (l *classified) write(w io.Writer, asJSON bool, top int) error {
	if asJSON {
		return newEncoder(w).Encode(l)
	}
	if l.Error != nil {
		_, err := fmt.Fprintf(w, "%s\terror: %s\n", visible(l.Input), visible(l.Error.Message))
		return err
	}
	for _, c := range l.Labels {
		if top == 0 && c.Label != l.Label {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%.1f%%\n", visible(l.Input), visible(c.Label), 100*c.Probability); err != nil {
			return err
		}
		if top == 0 {
			break
		}
	}
	return nil
}

// readLabels reads --labels: a list, or a file with one a line.
func readLabels(a *app, s string) ([]string, error) {
	list := strings.Split(s, ",")
	if name, ok := strings.CutPrefix(s, "@"); ok {
		var err error
		if list, err = listFile(a, name); err != nil {
			return nil, usagef("--labels @%s: %v", name, err)
		}
	}
	var labels []string
	for _, l := range list {
		if l = strings.TrimSpace(l); l != "" {
			labels = append(labels, l)
		}
	}
	if len(labels) == 0 {
		return nil, usagef("give --labels a,b,c or --labels @FILE")
	}
	return labels, nil
}
