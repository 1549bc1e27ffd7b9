package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/convert"
	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/models"
)

// convertFlags are the flags of emblem convert.
type convertFlags struct {
	dtype, layout string
	json, noCheck bool
}

func newConvertCmd(a *app) *cobra.Command {
	var f convertFlags
	cmd := &cobra.Command{
		Use:   "convert MODEL OUT [--dtype f32|f16|bf16|int8] [--layout transformers|open_clip]",
		Short: "Write a model's folder in another dtype, or in another library's layout",
		Long: `Write a model's folder anew: its numbers in another dtype, its matrices as int8, or
its weights and settings as another library wants them.

f32, f16 and bf16 are for any folder with safetensors. int8 is for models that embed
pictures and texts, and stored as compressed-tensors has it, so that other programs
read it too; opened with --dtype int8 it gives what the original gives. A layout is for
CLIP: that of transformers (CLIPModel) and that of open_clip.

The folder is there whole or not at all. Then both are opened, and the lowest cosine
between their vectors is told.`,
		Example: `  emblem convert openai/clip-vit-base-patch32 clip-f16 --dtype f16
  emblem convert laion/CLIP-ViT-B-32-laion2B-s34B-b79K clip-hf --layout transformers`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("name a model and the folder to write: emblem convert MODEL OUT --dtype f16")
			}
			return f.check()
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args[0], args[1]) },
	}
	cmd.Flags().StringVar(&f.dtype, "dtype", "", "f32, f16, bf16 or int8; else as it is")
	cmd.Flags().StringVar(&f.layout, "layout", "", "transformers or open_clip; else as it is")
	cmd.Flags().BoolVar(&f.noCheck, "no-check", false, "do not open the two and compare their vectors")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

// dtypeNames are the long names that --dtype takes too.
var dtypeNames = map[string]string{"float32": "f32", "float16": "f16", "bfloat16": "bf16"}

func (f *convertFlags) check() error {
	if short, ok := dtypeNames[f.dtype]; ok {
		f.dtype = short
	}
	switch {
	case f.dtype == "" && f.layout == "":
		return usagef("say what to change: --dtype f32, f16, bf16 or int8, or --layout transformers or open_clip")
	case !slices.Contains([]string{"", "f32", "f16", "bf16", "int8"}, f.dtype):
		return usagef("--dtype %q: want f32, f16, bf16 or int8", f.dtype)
	case !slices.Contains([]string{"", "transformers", "open_clip"}, f.layout):
		return usagef("--layout %q: want transformers or open_clip", f.layout)
	}
	return nil
}

// converted is what convert --json prints.
type converted struct {
	Model  string `json:"model"`
	Dir    string `json:"dir"`
	DType  string `json:"dtype,omitempty"`
	Layout string `json:"layout,omitempty"`
	convert.Report
	Cosine *float64 `json:"cosine,omitempty"` // the lowest, of the vectors before and after
}

func (f *convertFlags) run(ctx context.Context, a *app, name, out string) error {
	dir, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	report, err := models.Convert(ctx, name, dir, f.dtype, f.layout, a.wiring.aliases)
	var missing *hub.NotFound
	switch {
	case errors.As(err, &missing):
		return modelError(err)
	case err != nil:
		return failf("convert_failed", "%w", err)
	}
	c := converted{Model: name, Dir: dir, DType: f.dtype, Layout: f.layout, Report: report}
	if !f.noCheck {
		cosine, ok, err := models.Compare(ctx, name, dir, a.wiring.aliases)
		if err != nil {
			return failf("convert_failed", "%s was written, but the two cannot be compared: %w", dir, err)
		}
		if ok {
			c.Cosine = &cosine
		}
	}
	if f.json {
		return newEncoder(a.stdout).Encode(c)
	}
	if c.Cosine != nil {
		a.log.Info(fmt.Sprintf("%s: %d files, %s; vectors have a cosine of at least %.6f to those of %s", out, report.Files, hub.Bytes(report.Bytes), *c.Cosine, name))
	}
	_, err = fmt.Fprintln(a.stdout, dir)
	return err
}
