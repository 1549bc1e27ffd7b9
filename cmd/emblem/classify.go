package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/models"
)

// classifyFlags are the flags of emblem classify.
type classifyFlags struct {
	modelFlags
	labels        string
	templates     []string
	json          bool
	maxMegapixels uint
}

func newClassifyCmd(a *app) *cobra.Command {
	var f classifyFlags
	cmd := &cobra.Command{
		Use:   "classify --labels a,b,c|@FILE IMAGE...",
		Short: "Say which of some labels fits each picture",
		Long: `Say which of some labels fits each picture, without training: each label is put
into templates, and the pictures are compared with the mean of their vectors.`,
		Args: atLeastOne("one picture"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.labels, "labels", "", "labels with commas between them, or @FILE with one a line")
	cmd.Flags().StringArrayVar(&f.templates, "template", []string{"{}", "a photo of {}", "a picture of {}"}, "a text with {} for the label; may be given many times")
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

// chance is one label's score, in the order given.
type chance struct {
	Label       string  `json:"label"`
	Probability float32 `json:"probability"`
	Logit       float32 `json:"logit"`
}

func (f *classifyFlags) run(ctx context.Context, a *app, args []string) error {
	labels, err := readLabels(a, f.labels)
	if err != nil {
		return err
	}
	for _, t := range f.templates {
		if !strings.Contains(t, "{}") {
			return usagef("--template %q has no {} for the label", t)
		}
	}
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := ready(m, true, true); err != nil {
		return err
	}
	classes, err := f.classes(ctx, m, labels)
	if err != nil {
		return err
	}
	paths := picturePaths(args)
	vectors, failed, err := embedFiles(ctx, m, paths, f.maxMegapixels)
	if err != nil {
		return err
	}
	for i, v := range vectors {
		line := classified{Index: i, Input: paths[i], Model: m.Name(), DType: m.DType()}
		if v == nil {
			line.Error = &message{failed[0].Message}
			failed = failed[1:]
			err = errInputs
		} else {
			line.score(m, v, classes, labels)
		}
		if werr := line.write(a.stdout, f.json); werr != nil {
			return werr
		}
	}
	return err
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

func (c *classified) score(m *models.Model, v []float32, classes [][]float32, labels []string) {
	logits := m.Logits([][]float32{v}, classes)[0]
	best := 0
	for i, p := range m.Probabilities(logits) {
		c.Labels = append(c.Labels, chance{labels[i], p, logits[i]})
		if logits[i] > logits[best] {
			best = i
		}
	}
	c.Label = labels[best]
}

func (c *classified) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return newEncoder(w).Encode(c)
	}
	if c.Error != nil {
		_, err := fmt.Fprintf(w, "%s\terror: %s\n", visible(c.Input), visible(c.Error.Message))
		return err
	}
	for _, l := range c.Labels {
		if l.Label == c.Label {
			_, err := fmt.Fprintf(w, "%s\t%s\t%.1f%%\n", visible(c.Input), l.Label, 100*l.Probability)
			return err
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
