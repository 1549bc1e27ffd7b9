package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/vit"
)

// indexOptions are those of the index command, with absolute paths.
type indexOptions struct {
	Library       string
	Model         string // "" means the library's, or the default
	DType         string
	Reduce        string
	Late          int
	Paths         pathList
	Exclude       []string
	MaxMegapixels int
	ExactDecode   bool
	Prune         bool
	Verify        bool
	Strict        bool
	Watch         bool
	JSON          bool
	wordModels

	inside bool // no link is followed
	// For what search indexes before it searches.
	search string // its command line up to the paths, for messages
}

func newIndexCmd(a *app) *cobra.Command {
	var o indexOptions
	cmd := &cobra.Command{
		Use:   "index PATH...",
		Short: "Make the pictures of folders searchable, and keep them so",
		Long: `Make the pictures of folders searchable, and keep them so.

Only what is new or changed is read; an interrupted run goes on where it was.
Left out are names that begin with a dot, @eaDir, #recycle, node_modules, the
thumbnails of macOS photo libraries, and what ` + "`.emblemignore`" + ` files (.gitignore's
syntax) and --exclude say. Nothing is written into the folders.

With --watch it goes on, and emblem serve keeps the folders up to date from then
on, until they are indexed without.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Paths, err = absolute(args); err != nil {
				return err
			}
			if o.Model, err = a.modelRef(o.Model); err != nil {
				return err
			}
			if err := o.resolve(a); err != nil {
				return err
			}
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, "index", o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Library, "library", "default", "name of the library")
	f.StringVar(&o.Model, "model", "", "a folder, builtin/search, an alias, or ORG/NAME in the Hugging Face cache; default: the library's, else builtin/search")
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	addReduce(cmd, &o.Reduce)
	f.IntVar(&o.Late, "late", 0, "also keep vectors for the parts of each picture, at most so many, for search --late; a library that has them goes on so")
	f.Lookup("late").NoOptDefVal = strconv.Itoa(defaultParts)
	addWordModels(cmd, &o.wordModels)
	f.StringArrayVar(&o.Exclude, "exclude", nil, "leave out files and folders that match; *, ?, [a-z], {a,b}, ** (repeatable)")
	f.IntVar(&o.MaxMegapixels, "max-megapixels", 250, "skip pictures with more")
	f.BoolVar(&o.ExactDecode, "exact-decode", false, "never decode large JPEGs at a smaller scale")
	f.BoolVar(&o.Prune, "prune", false, "forget vanished files now instead of after 30 days")
	f.BoolVar(&o.Verify, "verify", false, "read every file and compare its content")
	f.BoolVar(&o.Strict, "strict", false, "exit 1 if any file could not be read")
	f.BoolVar(&o.Watch, "watch", false, "go on and index what changes")
	f.BoolVar(&o.JSON, "json", false, "one JSON object per changed file, and one for the whole")
	return cmd
}

// defaultParts is how many parts a picture has if nobody says.
const defaultParts = 64

func absolute(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		out[i] = abs
	}
	return out, nil
}

// runIndex is the index operation.
func runIndex(ctx context.Context, h *host, s *session, o indexOptions) error {
	x, err := newIndexRun(ctx, h, s, o)
	if err != nil {
		return err
	}
	defer x.meter.finish()
	failures := 0
	tell := func(r library.Report) {
		x.meter.finish()
		failures = r.Failures()
		// Before it is told: who reads the report may end the watch, and a server goes on.
		if err := x.lib.SetWatched(x.options, o.Watch); err != nil {
			x.options.Log.Warn("it cannot be kept whether the folders are watched", "error", err)
		}
		x.report(r)
	}
	if o.Watch {
		err = x.watch(ctx, tell)
		if err == nil {
			err = context.Cause(ctx)
		}
		return x.explain(err)
	}
	report, err := x.lib.Index(ctx, x.model, x.options)
	if err != nil {
		return x.explain(err)
	}
	tell(report)
	if o.Strict && failures > 0 {
		return errInputs
	}
	return nil
}

// watch keeps the library up to date, with another model when the library was
// given one meanwhile.
func (x *indexRun) watch(ctx context.Context, tell func(library.Report)) error {
	for {
		err := x.lib.Watch(ctx, x.model, x.options, tell)
		ref := chosenModel(x.lib, x.Model)
		var own *library.Error
		if !errors.As(err, &own) || own.Kind != library.KindModel || ref == x.options.Ref {
			return err
		}
		x.options.Log.Info("the library has another model now", "model", ref)
		if x.model, err = x.host.model(ctx, modelChoice{Ref: ref, DType: x.DType, Bulk: true, Reduce: x.reduce}); err != nil {
			return err
		}
		x.options.Ref = ref
	}
}

// indexRun is one run of the index operation.
type indexRun struct {
	indexOptions
	host    *host
	session *session
	lib     *library.Library
	model   embedder
	meter   *meter
	options library.Options
	reduce  vit.Reduce
	created bool // the library is new
}

func newIndexRun(ctx context.Context, h *host, s *session, o indexOptions) (*indexRun, error) {
	x := &indexRun{indexOptions: o, host: h, session: s, created: !h.store.Exists(o.Library), meter: newMeter(s, h.wiring.kernels())}
	var err error
	if x.reduce, err = parseReduce(o.Reduce); err != nil {
		return nil, err
	}
	lib, err := h.store.Create(o.Library)
	if err != nil {
		return nil, err
	}
	x.lib = lib
	ref := chosenModel(lib, o.Model)
	if x.model, err = h.model(ctx, modelChoice{Ref: ref, DType: o.DType, Bulk: true, Reduce: x.reduce}); err != nil {
		return nil, x.explain(err)
	}
	x.options = library.Options{
		Roots: o.Paths, Exclude: o.Exclude, Inside: o.inside,
		Ref: ref, Named: o.Model != "", IllustrationsOnly: illustrationsOnly(ref),
		Parts: o.Late, Prune: o.Prune, Verify: o.Verify, MaxMegapixels: o.MaxMegapixels, ExactDecode: o.ExactDecode,
		Log: s.logger(x.meter), Progress: x.meter.update,
	}
	if o.JSON {
		x.options.Item = x.item
	}
	words := o.wordModels
	if words == (wordModels{}) {
		words = h.words
	}
	if x.options.Describe, err = h.describer(ctx, words); err != nil {
		return nil, x.explain(err)
	}
	return x, nil
}

// chosenModel is the model to use with a library: the named one, the library's,
// or the default.
func chosenModel(lib *library.Library, named string) string {
	if named != "" {
		return named
	}
	if ref := lib.Manifest().Ref; ref != "" {
		return ref
	}
	return models.Default
}

// item prints what became of one file, for --json.
func (x *indexRun) item(i library.Item) {
	line := struct {
		Path    string    `json:"path"`
		Status  string    `json:"status"`
		Library string    `json:"library"`
		Model   string    `json:"model"`
		Kind    string    `json:"kind,omitempty"`
		Error   *indexErr `json:"error,omitempty"`
	}{i.Path, i.Status, x.lib.Name(), x.model.Name(), i.Kind, nil}
	if i.Err != nil {
		line.Error = &indexErr{i.Err.Error()}
	}
	newEncoder(x.session.stdout).Encode(line)
}

type indexErr struct {
	Message string `json:"message"`
}

// explain turns an error into one that names commands, and leaves no empty
// library behind.
func (x *indexRun) explain(err error) error {
	if err == nil {
		return nil
	}
	if x.created && x.lib.Manifest().Model == "" {
		err = errors.Join(err, x.host.store.Remove(x.Library))
	}
	if errors.Is(err, library.ErrPhotos) {
		return x.photosError()
	}
	return err
}

// photosError names a real model, its size and the two commands, and how to
// insist.
func (x *indexRun) photosError() error {
	again := func(model string) string {
		if x.search != "" {
			return x.search + " --model " + model
		}
		command := "emblem index --model " + model
		if x.Library != "default" {
			command += " --library " + x.Library
		}
		return command + quoted(x.Paths)
	}
	return refusef("photos", "20 or more of these pictures are photographs from cameras, and %s knows illustrations only; get a model for photographs (%s) and use it: emblem pull %s && %s; or insist: %s",
		x.model.Name(), photoModelSize, photoModel, again(photoModel), again(models.Default))
}

// quoted are arguments as a shell takes them, each after a space.
func quoted(args []string) string {
	var out strings.Builder
	for _, s := range args {
		if strings.ContainsAny(s, " \t\n'\"\\$&|;<>()*?[]#~`!{}") || s == "" {
			s = "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
		out.WriteString(" " + s)
	}
	return out.String()
}

// report prints the end of a run: JSON on stdout, or words on stderr.
func (x *indexRun) report(r library.Report) {
	if x.JSON {
		newEncoder(x.session.stdout).Encode(r)
		return
	}
	out := x.meter
	fmt.Fprintf(out, "library %s: %s, %s (model %s, kernels %s)\n", r.Library, plural(r.Pictures, "picture"), changes(r), r.Model, x.host.wiring.kernels())
	if n := r.Failures(); n > 0 {
		fmt.Fprintf(out, "%s could not be read: %s\n", plural(n, "file"), byKind(r.Failed))
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintf(out, "left out: %s\n", byKind(r.Skipped))
	}
}

// changes says what a run did.
func changes(r library.Report) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{r.Added, "added"}, {r.Updated, "updated"}, {r.Reused, "renamed or copied"}, {r.Restored, "back"}, {r.Gone, "gone"}, {r.Pruned, "forgotten"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing new"}
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(10 * time.Millisecond)
	return strings.Join(parts, ", ") + " in " + took.String()
}

func byKind(counts map[string]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[kind], strings.ReplaceAll(kind, "_", " ")))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
