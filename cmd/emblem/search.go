package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/calibrate"
	"github.com/emblem-search/emblem/internal/library"
)

// searchOptions are those of the search command, with absolute paths.
type searchOptions struct {
	Query          library.Query
	FilterHelp     bool     // list what filters can ask for instead
	Said           string   // the query as it was written
	Paths          pathList // to search in; none means all of the library
	Index          bool     // bring the library up to date with Paths first
	Library        string
	Model          string
	DType          string
	Limit          int
	MinProbability float64
	By             library.By
	Fold           bool
	Late           bool
	Explain        bool
	Rerank         string // a model that looks at the first hits again; "" none does
	Format         string // "", "json", "paths", "nul"
}

// cacheLibrary is the name of the one library in a cache directory.
const cacheLibrary = "paths"

func newSearchCmd(a *app) *cobra.Command {
	var o searchOptions
	var images []string
	var filter, by, region string
	var onlyPaths, nul, asJSON bool
	cmd := &cobra.Command{
		Use:   "search [QUERY] [PATH...]",
		Short: "Find pictures by words, by a picture, or by both",
		Long: `Find pictures by words, by a picture, or by both.

QUERY is terms joined by " + " and " - ": words, or a picture as ./a.jpg or
image:"my pool.jpg"; 2:snow counts twice. With PATHs, they are indexed first,
in a library of their own in the cache directory.

Words are looked for in what pictures show, and in their names, folders, captions
and tags; --by meaning or --by words asks for one of the two only.

Only hits that are likely enough are shown; --min-probability 0 shows what was
nearest in any case.

With ImageBind, sounds (WAV) are found like pictures and can be searched with:
./bark.wav finds pictures of dogs.

--filter narrows the search by what is known of the pictures: year>=2020 and
camera:X100 and not folder:Trash. Without QUERY it lists what passes, newest
first; --filter help lists the fields.`,
		Example: `  emblem search "sunset over water"
  emblem search "beach - people" ~/Pictures/2024
  emblem search "./dog.jpg + snow"
  emblem search --image holiday.jpg
  emblem search "red car" --filter "year in(2022,2023) and near(59.9,10.7,5km)"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.read(args, images, filter); err != nil {
				return err
			}
			if o.bySound() && !cmd.Flags().Changed("min-probability") {
				o.MinProbability = 0 // what is likely was fitted to words and pictures
			}
			if o.By = library.By(by); !slices.Contains([]library.By{library.ByMeaning, library.ByWords, library.ByBoth}, o.By) {
				return usagef("--by %q is none of meaning, words and both", by)
			}
			if err := o.readParts(region, cmd.Flags().Changed("min-probability")); err != nil {
				return err
			}
			if err := o.readRerank(a); err != nil {
				return err
			}
			o.Format = outputFormat(onlyPaths, nul, asJSON)
			dir, err := a.searchDir(&o, cmd.Flags().Changed("library"))
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, "search", o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Library, "library", "default", "name of the library")
	f.StringVar(&o.Model, "model", "", "the model; default: the library's")
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	f.StringArrayVar(&images, "image", nil, "a picture to search by, or a sound where the model hears (repeatable)")
	f.StringVar(&filter, "filter", "", "only pictures that pass, such as \"year>=2020 and kind:jpeg\"; help lists the fields")
	f.IntVarP(&o.Limit, "limit", "n", 20, "most hits")
	f.Float64Var(&o.MinProbability, "min-probability", calibrate.Cut, "leave out hits below, 0 to 1; 0 shows all")
	f.StringVar(&by, "by", "both", "what words are compared with: meaning (what pictures show), words (names, folders, captions, tags), both")
	f.BoolVar(&o.Fold, "fold", false, "of near duplicates, only the best")
	f.BoolVar(&o.Late, "late", false, "compare with the parts of pictures, in a library that was indexed with --late; hits have no probability")
	f.StringVar(&o.Rerank, "rerank-model", "", "a model that compares words with pictures, such as Salesforce/blip-itm-base-coco: it reorders the first 50 hits")
	f.StringVar(&region, "region", "", "the part of the picture to search by, as X,Y,WIDTH,HEIGHT in fractions of it, from the upper left")
	f.BoolVar(&o.Explain, "explain", false, "say how each hit was found")
	f.BoolVar(&onlyPaths, "paths", false, "print paths only")
	f.BoolVarP(&nul, "null", "0", false, "print paths only, each ended by a NUL byte")
	f.BoolVar(&asJSON, "json", false, "one JSON object per hit")
	return cmd
}

func outputFormat(paths, nul, asJSON bool) string {
	switch {
	case asJSON:
		return "json"
	case nul:
		return "nul"
	case paths:
		return "paths"
	}
	return ""
}

// read takes the arguments: a query, then paths. With --image or --filter the
// query may be missing, so that a first argument that is a path is one.
func (o *searchOptions) read(args, images []string, filter string) error {
	if o.Limit < 1 {
		return usagef("--limit must be at least 1")
	}
	if !(o.MinProbability >= 0 && o.MinProbability <= 1) { // NaN neither
		return usagef("--min-probability must be between 0 and 1")
	}
	if err := o.readFilter(filter); err != nil {
		return err
	}
	paths := args
	if len(images) == 0 && filter == "" || len(args) > 0 && !exists(args[0]) {
		if len(args) == 0 {
			return usagef(`say what to look for: emblem search "sunset over water", or emblem search --image FILE`)
		}
		o.Said, paths = args[0], args[1:]
	}
	for i, p := range paths {
		if !exists(p) {
			return notAPath(args[:len(args)-len(paths)], paths, i)
		}
	}
	if err := o.parse(images); err != nil {
		return err
	}
	if o.Said == "" {
		o.Said = filter
	}
	var err error
	o.Paths, err = absolute(paths)
	return err
}

// readFilter reads --filter; "help" is no filter but asks for the fields.
func (o *searchOptions) readFilter(text string) (err error) {
	switch text {
	case "":
	case "help":
		o.FilterHelp = true
	default:
		o.Query.Filter, err = index.ParseFilter(text)
	}
	return err
}

// notAPath says that paths[bad] is none. Most likely it is a word of the query,
// so that all words up to the last that is no path belong in quotes.
func notAPath(query, paths []string, bad int) error {
	last := bad
	for i := bad; i < len(paths); i++ {
		if !exists(paths[i]) {
			last = i
		}
	}
	words := append(slices.Clone(query), paths[:last+1]...)
	return usagef(`no file or folder "%s"; quote the query: emblem search "%s"%s`, paths[bad], strings.Join(words, " "), quoted(paths[last+1:]))
}

// parse reads the query and adds the pictures of --image to it.
func (o *searchOptions) parse(images []string) (err error) {
	if o.Said != "" || len(images) == 0 && o.Query.Filter == nil && !o.FilterHelp {
		q, err := library.ParseQuery(o.Said)
		if err != nil {
			return err
		}
		o.Query.Terms = q.Terms
	}
	for _, path := range images {
		o.Query.Terms = append(o.Query.Terms, library.Term{Image: path, Weight: 1})
		o.Said = strings.TrimSpace(o.Said + " " + path)
	}
	for i := range o.Query.Terms {
		t := &o.Query.Terms[i]
		if t.Image == "" {
			continue
		}
		if t.Image, err = filepath.Abs(library.ExpandHome(t.Image)); err != nil {
			return err
		}
	}
	return nil
}

// bySound tells whether a term of the query is a sound, by its name.
func (o *searchOptions) bySound() bool {
	return slices.ContainsFunc(o.Query.Terms, func(t library.Term) bool { return soundEndings[strings.ToLower(filepath.Ext(t.Image))] })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// searchDir is the data directory to search in: the usual one, or for paths
// without a named library one in the cache, by paths and model.
func (a *app) searchDir(o *searchOptions, libraryNamed bool) (dir string, err error) {
	if o.Model, err = a.modelRef(o.Model); err != nil {
		return "", err
	}
	if len(o.Paths) == 0 || libraryNamed {
		return a.dataDir()
	}
	cache, err := a.cacheDir()
	if err != nil {
		return "", err
	}
	slices.Sort(o.Paths)
	o.Paths = slices.Compact(o.Paths)
	key := sha256.Sum256([]byte(strings.Join(append([]string{o.Model}, o.Paths...), "\x00")))
	o.Index, o.Library = true, cacheLibrary
	return filepath.Join(cache, "paths", hex.EncodeToString(key[:8])), nil
}

// runSearch is the search operation.
func runSearch(ctx context.Context, h *host, s *session, o searchOptions) error {
	if o.Index {
		if err := o.indexFirst(ctx, h, s); err != nil {
			return err
		}
	}
	lib, err := h.store.Open(o.Library)
	if err != nil {
		return err
	}
	if o.FilterHelp {
		return o.filterHelp(s, lib)
	}
	var model library.Embedder
	name := lib.Manifest().Model
	if len(o.Query.Terms) > 0 && o.By != library.ByWords {
		if model, err = h.model(ctx, modelChoice{Ref: chosenModel(lib, o.Model), DType: o.DType}); err != nil {
			return err
		}
		name = model.Name()
	}
	limit := o.Limit
	if o.Rerank != "" {
		limit = max(limit, mostReranked)
	}
	found, err := lib.Find(ctx, model, o.Query, library.SearchOptions{Limit: limit, MinProbability: o.MinProbability, Paths: o.Paths, By: o.By, Fold: o.Fold, Late: o.Late})
	if err != nil {
		return err
	}
	hits := found.Hits
	if o.Rerank != "" && len(hits) > 0 {
		if err := h.rerank(ctx, o.Rerank, o.words(), hits); err != nil {
			return err
		}
		hits = hits[:min(len(hits), o.Limit)]
	}
	if o.Explain {
		fmt.Fprintln(s.stderr, explain(found.How))
	}
	if len(hits) == 0 {
		return o.nothing(ctx, lib, model)
	}
	var out bytes.Buffer
	o.print(&out, hits, lib.Name(), name, s.Graphics)
	_, err = s.stdout.Write(out.Bytes())
	return err
}

// nothing says that nothing matched, and whether the filter asks for a field that
// no picture has: most likely it is misspelt.
func (o searchOptions) nothing(ctx context.Context, lib *library.Library, model library.Embedder) error {
	why, err := o.nearest(ctx, lib, model)
	if err != nil {
		return err
	}
	if f := o.Query.Filter; f != nil {
		if o.Said != "" && len(o.Query.Terms) > 0 {
			why = fmt.Sprintf(" with the filter %q", f) + why
		}
		have, err := lib.Fields(0)
		if err != nil {
			return err
		}
		for _, name := range f.Fields() {
			if !slices.ContainsFunc(have, func(h index.Field) bool { return h.Name == name && h.Documents > 0 }) {
				why += fmt.Sprintf("; no picture has the field %q, emblem search --filter help lists those there are", name)
				break
			}
		}
	}
	return nothingMatched("nothing matched %q%s", o.Said, why)
}

// nearest says what was found below the cut.
func (o searchOptions) nearest(ctx context.Context, lib *library.Library, model library.Embedder) (string, error) {
	if len(o.Query.Terms) == 0 || o.MinProbability == 0 || model == nil {
		return "", nil
	}
	all, err := lib.Search(ctx, model, o.Query, library.SearchOptions{Limit: 1, Paths: o.Paths})
	if err != nil || len(all) == 0 {
		return "", err
	}
	// Rounded down: 0.1996 is below 0.2.
	p := math.Floor(all[0].Probability*100) / 100
	return fmt.Sprintf("; the nearest is %s at %.2f, see --min-probability 0", visible(all[0].Path), p), nil
}

// indexFirst brings a cached library up to date. One that another model or
// another version of a model made is made anew: it is only a cache.
func (o searchOptions) indexFirst(ctx context.Context, h *host, s *session) error {
	x := indexOptions{Library: o.Library, Model: o.Model, DType: o.DType, Late: o.parts(), Paths: o.Paths,
		search: "emblem search" + quoted(append([]string{o.Said}, o.Paths...))}
	err := quietIndex(ctx, h, s, x)
	var own *library.Error
	if errors.As(err, &own) && own.Kind == library.KindModel {
		if err := h.store.Remove(o.Library); err != nil {
			return err
		}
		err = quietIndex(ctx, h, s, x)
	}
	return err
}

// quietIndex is runIndex without the report.
func quietIndex(ctx context.Context, h *host, s *session, o indexOptions) error {
	x, err := newIndexRun(ctx, h, s, o)
	if err != nil {
		return err
	}
	defer x.meter.finish()
	report, err := x.lib.Index(ctx, x.model, x.options)
	if err != nil {
		return x.explain(err)
	}
	x.meter.finish()
	if report.Added+report.Updated > 0 {
		x.report(report)
	}
	return nil
}
