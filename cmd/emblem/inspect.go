package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/dry"
	"github.com/emblem-search/emblem/vit"
)

func newInspectCmd(a *app) *cobra.Command {
	var f modelFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Show what a model is made of and what it costs to run",
		Long: `Show what a model is made of: its layout, how it prepares pictures, where each
weight comes from; and what one picture and one text cost. Nothing is computed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.model = args[0]
			if models.Answers(f.model, a.wiring.aliases) {
				return inspectAnswerer(cmd.Context(), a, f, asJSON)
			}
			if models.Continues(f.model, a.wiring.aliases) {
				return inspectDecoder(cmd.Context(), a, f, asJSON)
			}
			return inspect(cmd.Context(), a, f, asJSON)
		},
	}
	f.addDType(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// inspection is the answer of emblem inspect.
type inspection struct {
	Model       string   `json:"model"`
	Family      string   `json:"family"`
	DType       string   `json:"dtype"`
	Fingerprint string   `json:"fingerprint"`
	Note        string   `json:"note,omitempty"`
	Dimensions  int      `json:"dimensions"`
	Parameters  int      `json:"parameters"`
	WeightBytes int      `json:"weight_bytes"`
	ImageSide   int      `json:"image_side"`       // pixels
	ImageTokens int      `json:"image_tokens"`     // what a picture becomes
	TextTokens  int      `json:"text_tokens"`      // the most that is read of a text; 0: none is
	Labels      int      `json:"labels,omitempty"` // of the classification head
	Preprocess  []string `json:"preprocess"`
	Scale       float64  `json:"logit_scale"` // factor of the cosine
	Bias        float64  `json:"logit_bias"`
	Image       cost     `json:"image"` // of one picture
	Text        cost     `json:"text"`  // of one text of full length
	Bindings    []string `json:"bindings"`
}

// cost is what one forward pass takes.
type cost struct {
	FLOPs  int64  `json:"flops"`
	Memory int    `json:"memory_bytes"` // working memory at its peak
	Ops    []line `json:"ops"`
}

// line is the part of one kind of op.
type line struct {
	Op    string `json:"op"`
	Calls int    `json:"calls"`
	FLOPs int64  `json:"flops"`
	Bytes int64  `json:"bytes"`
}

func inspect(ctx context.Context, a *app, f modelFlags, asJSON bool) error {
	m, err := models.Open(ctx, f.model, models.Options{Device: "dry", DType: f.dtype, Aliases: a.wiring.aliases})
	if err != nil {
		return modelError(err)
	}
	defer m.Close()
	print, err := m.Fingerprint()
	if err != nil {
		return err
	}
	i := inspection{
		Model: m.Name(), Family: m.Family(), DType: m.DType(), Fingerprint: print, Note: m.Note, Dimensions: m.Dim(),
		Parameters: m.Parameters(), WeightBytes: m.Bytes(),
		ImageSide: m.ImageSide(), ImageTokens: m.ImageTokens(), TextTokens: m.TextTokens(), Preprocess: m.Steps(),
		Scale: m.Scale(), Bias: m.Bias(), Bindings: m.Bindings(),
	}
	if m.HasPictures() {
		i.Labels = len(m.Vision().Labels())
	}
	if err := i.costs(ctx, m); err != nil {
		return err
	}
	if asJSON {
		return newEncoder(a.stdout).Encode(i)
	}
	return i.write(a.stdout)
}

// costs measures one forward pass of each tower that there is.
func (i *inspection) costs(ctx context.Context, m *models.Model) (err error) {
	if m.HasPictures() {
		side := m.ImageSide()
		i.Image, err = measure(func() error {
			_, err := m.RawPixels(ctx, []vit.Pixels{{W: side, H: side, RGB: make([]byte, 3*side*side)}}, vit.Own)
			return err
		})
	}
	if err == nil && m.HasTexts() {
		i.Text, err = measure(func() error {
			_, err := m.RawTokens(ctx, [][]int32{fullText(m)})
			return err
		})
	}
	return err
}

// fullText is a text of full length that ends where the model looks for its end.
func fullText(m *models.Model) []int32 {
	ids := make([]int32, m.TextTokens())
	if eos, ok := m.EOS(); ok {
		ids[len(ids)-1] = eos
	}
	return ids
}

// measure runs a forward pass on the device that only counts.
func measure(run func() error) (cost, error) {
	d, err := device.Open("dry")
	if err != nil {
		return cost{}, err
	}
	counter := d.Backend().(*dry.Backend)
	d.Trim() // forgets the earlier peak
	counter.Reset()
	if err := run(); err != nil {
		return cost{}, err
	}
	r := counter.Report()
	c := cost{FLOPs: int64(r.FLOPs), Memory: d.Peak(tensor.Interactive)}
	for _, l := range r.Ops {
		c.Ops = append(c.Ops, line{l.Op, l.Calls, int64(l.FLOPs), int64(l.Bytes)})
	}
	return c, nil
}

func (i *inspection) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "model\t%s (%s), %s\n", i.Model, i.Family, i.DType)
	if i.Note != "" {
		fmt.Fprintf(t, "note\t%s\n", i.Note)
	}
	fmt.Fprintf(t, "fingerprint\t%s\n", i.Fingerprint)
	fmt.Fprintf(t, "vectors\t%d elements\n", i.Dimensions)
	fmt.Fprintf(t, "weights\t%.2f million, %.1f MB\n", float64(i.Parameters)/1e6, float64(i.WeightBytes)/1e6)
	if i.ImageTokens > 0 {
		fmt.Fprintf(t, "a picture\t%d pixels a side, %d tokens, %.3f GFLOP, %.1f MB of working memory\n",
			i.ImageSide, i.ImageTokens, float64(i.Image.FLOPs)/1e9, float64(i.Image.Memory)/1e6)
	}
	if i.TextTokens > 0 {
		fmt.Fprintf(t, "a text\tat most %d tokens, %.3f GFLOP, %.1f MB of working memory\n",
			i.TextTokens, float64(i.Text.FLOPs)/1e9, float64(i.Text.Memory)/1e6)
	}
	if i.TextTokens > 0 && i.ImageTokens > 0 {
		fmt.Fprintf(t, "score\t%.4f × cosine %+.4f\n", i.Scale, i.Bias)
	}
	if i.Labels > 0 {
		fmt.Fprintf(t, "labels\t%d, of a classification head\n", i.Labels)
	}
	for n, s := range i.Preprocess {
		fmt.Fprintf(t, "step %d\t%s\n", n+1, s)
	}
	for _, b := range i.Bindings {
		fmt.Fprintf(t, "weight\t%s\n", b)
	}
	return t.Flush()
}
