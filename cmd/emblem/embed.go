package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/vit"
)

// embedFlags are the flags of emblem embed.
type embedFlags struct {
	modelFlags
	senseFlags
	pool          string
	raw           bool
	dimensions    int
	truncate      string
	filesFrom     string
	out           string
	texts         []string
	json          bool
	maxMegapixels uint
}

func newEmbedCmd(a *app) *cobra.Command {
	var f embedFlags
	cmd := &cobra.Command{
		Use:   "embed [--text T]... [FILE|DIR]...",
		Short: "Turn pictures, texts and sounds into vectors",
		Long: `Turn pictures and texts into vectors: one line per input, texts first.

A folder stands for every picture below it. An input that fails has its own
line, the others succeed, and the exit code is 1.

ImageBind also reads WAV files, which are known by their content, and with
--modality videos, depth, heat and motion.`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	f.modelFlags.add(cmd)
	f.senseFlags.add(cmd)
	cmd.Flags().StringVar(&f.pool, "pool", "", "cls or mean instead of the model's own pooling of a picture")
	cmd.Flags().BoolVar(&f.raw, "raw", false, "vectors as the model makes them, not scaled to unit length")
	cmd.Flags().IntVar(&f.dimensions, "dimensions", 0, "keep only the first so many elements of a vector, at unit length again, for models that were trained for that; 0: all")
	cmd.Flags().StringVar(&f.truncate, "truncate", "end", "what to do with a text that is too long: end (drop its end) or error")
	cmd.Flags().StringVar(&f.filesFrom, "files-from", "", "read more paths from this file, one a line; - is the standard input")
	cmd.Flags().StringVar(&f.out, "out", "", "also write the vectors to this .npy file, float32, a row per input (NaN where it failed)")
	cmd.Flags().StringArrayVar(&f.texts, "text", nil, "a text to embed; may be given many times")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object per line")
	addMegapixels(cmd, &f.maxMegapixels)
	return cmd
}

func addMegapixels(cmd *cobra.Command, n *uint) {
	cmd.Flags().UintVar(n, "max-megapixels", 0, "refuse larger pictures; 0 is 250")
}

// embedLine is one line of output.
type embedLine struct {
	Index     int       `json:"index"`
	Kind      string    `json:"kind"` // text, image, or a modality
	Input     string    `json:"input"`
	Embedding []float32 `json:"embedding,omitempty"`
	Tokens    *int      `json:"tokens,omitempty"`    // texts
	Truncated *bool     `json:"truncated,omitempty"` // texts
	Model     string    `json:"model"`
	DType     string    `json:"dtype"`
	Reduce    string    `json:"reduce,omitempty"` // pictures whose sequences were shortened
	Error     *message  `json:"error,omitempty"`
}

// embedRun is one run of the command.
type embedRun struct {
	*embedFlags
	model  *models.Model
	out    *bufio.Writer
	enc    *json.Encoder
	npy    *npyWriter
	index  int
	failed bool
}

func (f *embedFlags) check() error {
	if err := oneOf("truncate", f.truncate, "end", "error"); err != nil {
		return err
	}
	if err := f.senseFlags.check(); err != nil {
		return err
	}
	return oneOf("pool", f.pool, "", "cls", "mean")
}

func (f *embedFlags) run(ctx context.Context, a *app, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.filesFrom != "" {
		more, err := listFile(a, f.filesFrom)
		if err != nil {
			return usagef("--files-from: %v", err)
		}
		args = append(args, more...)
	}
	if len(args)+len(f.texts) == 0 {
		return usagef("nothing to embed: %s", missingInput(args))
	}
	m, err := f.open(ctx, a)
	if err != nil {
		return err
	}
	defer m.Close()
	paths := f.paths(args, m.Has(fusion.Audio))
	if len(paths)+len(f.texts) == 0 {
		return usagef("nothing to embed: %s", missingInput(args))
	}
	if err := m.CheckPool(vit.Pool(f.pool)); err != nil {
		return usagef("--pool %s: %v", f.pool, err)
	}
	if f.dimensions < 0 || f.dimensions > m.Dim() {
		return usagef("--dimensions %d: %s has 1 to %d", f.dimensions, m.Name(), m.Dim())
	}
	if err := ready(m, len(f.texts) > 0, f.seesPictures(paths)); err != nil {
		return err
	}
	if err := f.ready(m); err != nil {
		return err
	}
	r := &embedRun{embedFlags: f, model: m, out: bufio.NewWriter(a.stdout)}
	r.enc = newEncoder(r.out)
	if f.out != "" {
		if r.npy, err = createNPY(f.out, cmp.Or(f.dimensions, m.Dim())); err != nil {
			return err
		}
		defer r.npy.abort()
	}
	if err := r.all(ctx, paths); err != nil {
		return err
	}
	return r.end()
}

// seesPictures tells whether the tower of pictures will be used. A file that only
// turns out to be a sound is no harm.
func (f *embedFlags) seesPictures(paths []string) bool {
	return (f.modality == "" || f.modality == "image") && slices.ContainsFunc(paths, func(p string) bool {
		return !soundEndings[strings.ToLower(filepath.Ext(p))]
	})
}

// missingInput says what to give, or that what was given has nothing in it.
func missingInput(args []string) string {
	if len(args) == 0 {
		return "name pictures or folders, or give --text"
	}
	return fmt.Sprintf("nothing that the model reads in %s; name other files, or give --text", strings.Join(args, ", "))
}

func (r *embedRun) all(ctx context.Context, paths []string) error {
	for part := range slices.Chunk(r.texts, 64) {
		if err := r.embedTexts(ctx, part); err != nil {
			return err
		}
	}
	l := newLoader(r.model, r.maxMegapixels)
	l.senses = &r.senseFlags
	// Decoding and encoding take turns on all cores: neither waits for the other,
	// and the encoder's kernels, which move in step, are not held up by a decoder
	// that has one of their cores.
	for part := range slices.Chunk(paths, max(32, 4*runtime.GOMAXPROCS(0))) {
		if err := r.embedFiles(ctx, l, part); err != nil {
			return err
		}
	}
	return nil
}

func (r *embedRun) end() error {
	if err := r.out.Flush(); err != nil {
		return err
	}
	if r.npy != nil {
		if err := r.npy.close(); err != nil {
			return err
		}
	}
	if r.failed {
		return errInputs
	}
	return nil
}

// embedTexts encodes a few texts and prints their lines.
func (r *embedRun) embedTexts(ctx context.Context, texts []string) error {
	lines := make([]embedLine, len(texts))
	var ids [][]int32
	for i, s := range texts {
		got, cut, err := r.model.EncodeText(s, fusion.Cut(r.truncate))
		lines[i] = embedLine{Kind: "text", Input: s, Error: messageOf(err)}
		if err != nil {
			continue
		}
		n := len(got)
		lines[i].Tokens, lines[i].Truncated = &n, &cut
		ids = append(ids, got)
	}
	vectors, err := r.model.RawTokens(ctx, ids)
	if err != nil {
		return err
	}
	return r.print(lines, vectors)
}

// embedFiles reads and encodes a few files and prints their lines.
func (r *embedRun) embedFiles(ctx context.Context, l *loader, paths []string) error {
	lines := make([]embedLine, len(paths))
	var px []vit.Pixels
	var signals []fusion.Signal
	read := l.load(ctx, paths)
	for i, p := range read {
		lines[i] = embedLine{Kind: "image", Input: paths[i], Error: messageOf(p.err)}
		switch {
		case p.signal != nil:
			if lines[i].Kind = cmp.Or(string(p.signal.Sense), r.modality, "audio"); p.err == nil {
				signals = append(signals, *p.signal)
			}
		case p.err == nil:
			px = append(px, p.pixels)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	pictures, err := r.model.RawPixels(ctx, px, vit.Pool(r.pool))
	if err != nil {
		return err
	}
	others, err := r.model.RawSignals(ctx, signals)
	if err != nil {
		return err
	}
	return r.print(lines, inOrder(read, pictures, others))
}

// inOrder mixes the vectors of pictures and of signals as their files were read.
func inOrder(read []loaded, pictures, signals [][]float32) (all [][]float32) {
	for _, p := range read {
		switch {
		case p.err != nil:
		case p.signal != nil:
			all, signals = append(all, signals[0]), signals[1:]
		default:
			all, pictures = append(all, pictures[0]), pictures[1:]
		}
	}
	return all
}

// print gives the lines without an error their vectors, in order, and writes all.
func (r *embedRun) print(lines []embedLine, vectors [][]float32) error {
	vectors = fusion.Shorten(vectors, r.dimensions)
	if !r.raw {
		fusion.Normalize(vectors)
	}
	for _, l := range lines {
		l.Index, l.Model, l.DType = r.index, r.model.Name(), r.model.DType()
		r.index++
		if l.Kind == "image" && r.reduce != "none" {
			l.Reduce = r.reduce
		}
		if l.Error == nil {
			l.Embedding, vectors = vectors[0], vectors[1:]
		} else {
			r.failed = true
		}
		if r.npy != nil {
			if err := r.npy.row(l.Embedding); err != nil {
				return err
			}
		}
		if err := r.line(l); err != nil {
			return err
		}
	}
	return r.out.Flush()
}

func (r *embedRun) line(l embedLine) error {
	if r.json {
		return r.enc.Encode(l)
	}
	if l.Error != nil {
		_, err := fmt.Fprintf(r.out, "%s\terror: %s\n", visible(l.Input), visible(l.Error.Message))
		return err
	}
	_, err := fmt.Fprintf(r.out, "%s\t%v\n", visible(l.Input), l.Embedding)
	return err
}
