package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/evaluate"
)

func newEvalCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure how good a model is on pictures whose truth is known",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newEvalBuiltinCmd(a))
	return cmd
}

// evalFlags are the flags of emblem eval builtin.
type evalFlags struct {
	modelFlags
	set  string
	json bool
}

func newEvalBuiltinCmd(a *app) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "builtin",
		Short: "Measure the built-in model on drawn scenes",
		Long: `Measure the built-in model, or another of pictures and words, on drawn scenes.

The scenes are part of the program; nothing was trained on them. Half are drawn from
sets of artwork that the built-in model knows, half from one that it has never seen.
Each row has what guessing would reach beside it; for questions that is what always
giving the most frequent answer would. The rows and how they come about:
docs/builtin-models.md.`,
		Example: `  emblem eval builtin
  emblem eval builtin --model openai/clip-vit-base-patch32 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), a) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.set, "set", "", "a folder that tools/train/testset.py has written; default: the set of the program")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object")
	return cmd
}

// evaluated is what emblem eval builtin found.
type evaluated struct {
	Model string         `json:"model"`
	DType string         `json:"dtype"`
	Rows  []evaluate.Row `json:"rows"`
}

func (f *evalFlags) run(ctx context.Context, a *app) error {
	set := evaluate.Builtin()
	if f.set != "" {
		var err error
		if set, err = evaluate.Open(f.set); err != nil {
			return usagef("--set %v", err)
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
	out := evaluated{Model: m.Name(), DType: m.DType()}
	if out.Rows, err = set.Run(ctx, m); err != nil {
		return err
	}
	asked, err := set.Ask(ctx, m)
	if err != nil {
		return err
	}
	out.Rows = append(out.Rows, asked...)
	return out.write(a, f.json)
}

func (e *evaluated) write(a *app, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(e)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s\tstyle\tmeasured\tchance\tof\n", e.Model, e.DType)
	for _, r := range e.Rows {
		fmt.Fprintf(w, "%s\t%s\t%5.1f %%\t%5.1f %%\t%d\n", r.Name, r.Style, 100*r.Value, 100*r.Chance, r.N)
	}
	return w.Flush()
}
