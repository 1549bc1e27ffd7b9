package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// reconstructFlags are the flags of emblem reconstruct.
type reconstructFlags struct {
	modelFlags
	ratio         float64
	seed          uint64
	show          string
	out           string
	json          bool
	maxMegapixels uint
}

func newReconstructCmd(a *app) *cobra.Command {
	var f reconstructFlags
	cmd := &cobra.Command{
		Use:   "reconstruct --model M --out OUT.png IMAGE...",
		Short: "Mask a picture and paint it again, with a masked autoencoder",
		Long: `Mask most of a picture and paint it again from what is left, with a masked
autoencoder such as facebook/vit-mae-base.

A seed masks the patches that it masks in torch. The picture is written as the
model sees it, as a PNG; of several, OUT-0.png is the first.`,
		Example: `  emblem reconstruct --model facebook/vit-mae-base --seed 7 --out again.png cat.jpg
  emblem reconstruct --model facebook/vit-mae-base --mask-ratio 0.9 --show all --out all.png cat.jpg`,
		Args: atLeastOne("one picture"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), a, args, cmd.Flags().Changed("mask-ratio"))
		},
	}
	f.add(cmd)
	cmd.Flags().Float64Var(&f.ratio, "mask-ratio", 0, "the share of patches that is masked, 0 to less than 1; unless given, the model's own")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "which patches are masked")
	cmd.Flags().StringVar(&f.show, "show", "pasted", "pasted (kept patches and painted ones), painted, masked, or all side by side, the original first")
	cmd.Flags().StringVar(&f.out, "out", "", "the PNG to write; - is the standard output")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object per picture")
	addMegapixels(cmd, &f.maxMegapixels)
	return cmd
}

// reconstructed is one picture's line.
type reconstructed struct {
	Index     int      `json:"index"`
	Input     string   `json:"input"`
	Out       string   `json:"out,omitempty"`
	Seed      uint64   `json:"seed"`
	MaskRatio float64  `json:"mask_ratio"`
	Kept      []int    `json:"kept,omitempty"` // patches, row by row
	Loss      float64  `json:"loss"`           // mean squared error of the masked patches
	Model     string   `json:"model"`
	DType     string   `json:"dtype"`
	Error     *message `json:"error,omitempty"`
}

func (f *reconstructFlags) check(paths []string) error {
	switch {
	case f.out == "":
		return usagef("give --out OUT.png, or --out - for the standard output")
	case f.out == "-" && (f.json || len(paths) > 1):
		return usagef("--out - takes one picture and no --json: the standard output is the PNG")
	}
	return oneOf("show", f.show, "pasted", "painted", "masked", "all")
}

func (f *reconstructFlags) run(ctx context.Context, a *app, args []string, ownRatio bool) error {
	paths := picturePaths(args)
	if err := f.check(paths); err != nil {
		return err
	}
	if err := a.openDevice(); err != nil {
		return err
	}
	m, err := models.OpenMAE(ctx, f.model, models.Options{Device: a.device, DType: f.dtype, Aliases: a.wiring.aliases})
	if err != nil {
		return modelError(err)
	}
	defer m.Close()
	if !ownRatio {
		f.ratio = m.MaskRatio()
	}
	if _, err := m.Mask(f.ratio, f.seed); err != nil {
		return usagef("--mask-ratio: %v", err)
	}
	for i, path := range paths {
		line := reconstructed{Index: i, Input: path, Seed: f.seed, MaskRatio: f.ratio, Model: m.Name, DType: m.DType()}
		r, failed := f.one(ctx, m, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failed == nil {
			line.Kept, line.Loss = r.Kept, r.Loss
			line.Out, failed = f.outOf(i, len(paths)), f.write(a, f.outOf(i, len(paths)), r)
		}
		if failed != nil {
			line.Error, line.Out, err = messageOf(failed), "", errInputs
		}
		if werr := f.line(a, line); werr != nil {
			return werr
		}
	}
	return err
}

// one reads a picture, masks it and paints it again.
func (f *reconstructFlags) one(ctx context.Context, m models.MAE, path string) (vit.Reconstruction, error) {
	limits := picture.LocalLimits(int(f.maxMegapixels))
	data, err := picture.ReadFile(path, limits.MaxBytes)
	if err != nil {
		return vit.Reconstruction{}, err
	}
	img, err := picture.Decode(data, picture.Options{Local: true, Limits: limits})
	if err != nil {
		return vit.Reconstruction{}, err
	}
	px, err := m.Preprocess().Apply(img)
	if err != nil {
		return vit.Reconstruction{}, err
	}
	return m.Reconstruct(ctx, px, f.ratio, f.seed)
}

// outOf is the file of picture i of n.
func (f *reconstructFlags) outOf(i, n int) string {
	if n == 1 {
		return f.out
	}
	ext := filepath.Ext(f.out)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(f.out, ext), i, ext)
}

// write encodes what --show asks for.
func (f *reconstructFlags) write(a *app, out string, r vit.Reconstruction) error {
	panels := map[string][]vit.Pixels{
		"pasted": {r.Pasted}, "painted": {r.Painted}, "masked": {r.Masked}, "all": {r.Original, r.Masked, r.Painted, r.Pasted},
	}[f.show]
	var file bytes.Buffer
	if err := png.Encode(&file, beside(panels)); err != nil {
		return err
	}
	if out == "-" {
		_, err := a.stdout.Write(file.Bytes())
		return err
	}
	return os.WriteFile(out, file.Bytes(), 0o644)
}

// beside puts pictures of one size in a row.
func beside(panels []vit.Pixels) image.Image {
	w, h := panels[0].W, panels[0].H
	out := image.NewNRGBA(image.Rect(0, 0, w*len(panels), h))
	for i, p := range panels {
		for k, rgb := 0, p.RGB; k < w*h; k++ {
			out.SetNRGBA(i*w+k%w, k/w, color.NRGBA{rgb[3*k], rgb[3*k+1], rgb[3*k+2], 255})
		}
	}
	return out
}

// line prints what became of a picture.
func (f *reconstructFlags) line(a *app, l reconstructed) error {
	switch {
	case f.json:
		return newEncoder(a.stdout).Encode(l)
	case l.Error != nil:
		_, err := fmt.Fprintf(a.stderr, "%s\terror: %s\n", visible(l.Input), visible(l.Error.Message))
		return err
	case f.out == "-":
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "%s\t%s\t%d patches kept, loss %.4f\n", visible(l.Input), visible(l.Out), len(l.Kept), l.Loss)
	return err
}
