package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/vit"
)

// scoreFlags are the flags of emblem score.
type scoreFlags struct {
	modelFlags
	texts         []string
	json          bool
	maxMegapixels uint
}

func newScoreCmd(a *app) *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score --text T... IMAGE...",
		Short: "Score texts against pictures as the model was trained to",
		Long: `Score texts against pictures as the model was trained to.

Probabilities are a softmax over the texts, or, for models trained so (SigLIP),
each text's own. A picture that cannot be read has a null row, and the exit code
is 1.`,
		Args: atLeastOne("one picture"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&f.texts, "text", nil, "a text to score; may be given many times")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object")
	addMegapixels(cmd, &f.maxMegapixels)
	return cmd
}

// scores is the answer of emblem score.
type scores struct {
	Model  string       `json:"model"`
	DType  string       `json:"dtype"`
	Images []string     `json:"images"`
	Texts  []string     `json:"texts"`
	Logits [][]float32  `json:"logits_per_image"` // a row per picture
	Probs  [][]float32  `json:"probs"`
	Errors []inputError `json:"errors,omitempty"`
}

// inputError says which input failed.
type inputError struct {
	Index   int    `json:"index"`
	Message string `json:"message"`
}

func (f *scoreFlags) run(ctx context.Context, a *app, args []string) error {
	if len(f.texts) == 0 {
		return usagef("give at least one --text to score the pictures against")
	}
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := ready(m, true, true); err != nil {
		return err
	}
	texts, err := m.EmbedTexts(ctx, f.texts)
	if err != nil {
		return err
	}
	s := scores{Model: m.Name(), DType: m.DType(), Images: picturePaths(args), Texts: f.texts}
	vectors, failed, err := encodeFiles(ctx, m, s.Images, f.maxMegapixels, m.EmbedPixels)
	if err != nil {
		return err
	}
	s.Errors = failed
	for _, v := range vectors {
		if v == nil {
			s.Logits, s.Probs = append(s.Logits, nil), append(s.Probs, nil)
			continue
		}
		row := m.Logits([][]float32{v}, texts)[0]
		s.Logits, s.Probs = append(s.Logits, row), append(s.Probs, m.Probabilities(row))
	}
	if err := s.write(a.stdout, f.json); err != nil {
		return err
	}
	if len(failed) > 0 {
		return errInputs
	}
	return nil
}

// encodeFiles makes a row of numbers of every picture; one that fails has none.
func encodeFiles(ctx context.Context, m *models.Model, paths []string, maxMegapixels uint,
	encode func(context.Context, []vit.Pixels) ([][]float32, error)) (rows [][]float32, failed []inputError, err error) {
	l := newLoader(m, maxMegapixels)
	rows = make([][]float32, len(paths))
	const turn = 64
	for at := 0; at < len(paths); at += turn {
		var px []vit.Pixels
		var whose []int
		for i, p := range l.load(ctx, paths[at:min(at+turn, len(paths))]) {
			if p.err != nil {
				failed = append(failed, inputError{at + i, p.err.Error()})
				continue
			}
			px, whose = append(px, p.pixels), append(whose, at+i)
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		part, err := encode(ctx, px)
		if err != nil {
			return nil, nil, err
		}
		for i, v := range part {
			rows[whose[i]] = v
		}
	}
	return rows, failed, nil
}

func (s *scores) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return newEncoder(w).Encode(s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\t%s\n", strings.Join(s.Texts, "\t"))
	for i, path := range s.Images {
		fmt.Fprint(t, path)
		if s.Probs[i] == nil {
			fmt.Fprintf(t, "\t%s", s.errorOf(i))
		}
		for j, p := range s.Probs[i] {
			fmt.Fprintf(t, "\t%.1f%% (%.2f)", 100*p, s.Logits[i][j])
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func (s *scores) errorOf(i int) string {
	for _, e := range s.Errors {
		if e.Index == i {
			return e.Message
		}
	}
	return ""
}
