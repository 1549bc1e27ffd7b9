package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/library"
)

// applyOptions are a group of lines for one library.
type applyOptions struct {
	Library string
	Lines   []library.Line
}

func newApplyCmd(a *app) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply < OPERATIONS",
		Short: "Write, read and search documents with vectors of your own, as JSON lines",
		Long: `Write, read and search documents with vectors of your own, as JSON lines.

Every line of the standard input is one operation, and every one gets a result,
in order. A write is told of when it is on the disk; what follows sees it. A bad
line is an error of its own, with its number, and exit 1 in the end. The library
is made if there is none; it needs no model and no pictures.

  space   name, dim, metric (cosine, dot, l2), encoder: optional, since the first
          vector put into a new space defines it
  put     id, vectors {"SPACE":[…] or [[…],…]} or vector, metadata, hidden
  attach  id, vectors or vector: in spaces where the document has none
  meta    id, metadata, hidden: the vectors stay
  delete  id, ids or filter
  get     id, as_of
  search  vector or vectors, space, words, typing, like, unlike, filter, limit,
          min_recall, exact, fusion, weights, collapse, diversity, group_by,
          highlight, facets, as_of, at_least, cursor
  stats

More in docs/library.md.`,
		Example: `  emblem library apply --library mine <<'END'
  {"op":"put","id":"a","vector":[1,0,0],"metadata":{"tag":"beach","year":2024}}
  {"op":"put","id":"b","vector":[0.8,0.6,0]}
  {"op":"search","vector":[1,0.1,0],"limit":1,"filter":"tag:beach"}
  END`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.apply(cmd.Context(), dir, o.Library)
		},
	}
	cmd.Flags().StringVar(&o.Library, "library", "default", "name of the library")
	cmd.Flags().Bool("json", false, "an error that ends the command is JSON too; results always are")
	return cmd
}

// apply runs the operations of the standard input. While this process owns the
// directory it keeps it; else every group of lines is an operation of its own for
// the owner. A group whose results did not come begins again with the next owner:
// all operations can.
func (a *app) apply(ctx context.Context, dir, name string) error {
	in := newFeed(a.stdin)
	failed := false
	for {
		lines, err := in.next(ctx)
		if err != nil {
			return err
		}
		if lines == nil {
			break
		}
		err = a.performAs(ctx, dir, errand{
			operation: "library.apply",
			options:   applyOptions{name, lines},
			whole:     true,
			alone: func(ctx context.Context, h *host, s *session) error {
				return applyAll(ctx, h, s, name, lines, in)
			},
		})
		if inputsFailed(err) {
			failed = true
		} else if err != nil {
			return err
		}
	}
	if failed {
		return errInputs
	}
	return nil
}

// applyAll runs a group and all that come after it.
func applyAll(ctx context.Context, h *host, s *session, name string, lines []library.Line, in *feed) error {
	failed := false
	for lines != nil {
		err := runApply(ctx, h, s, applyOptions{name, lines})
		if inputsFailed(err) {
			failed = true
		} else if err != nil {
			return err
		}
		if lines, err = in.next(ctx); err != nil {
			return err
		}
	}
	if failed {
		return errInputs
	}
	return nil
}

// inputsFailed says that inputs failed and have been told of: more may be done.
func inputsFailed(err error) bool {
	var own *cliError
	return errors.As(err, &own) && own.code == errInputs.code
}

// runApply is the operation for one group of lines.
func runApply(ctx context.Context, h *host, s *session, o applyOptions) error {
	lib, err := h.store.Create(o.Library)
	if err != nil {
		return err
	}
	var writing error
	failed, err := lib.Apply(ctx, o.Lines, func(results []any) {
		var out bytes.Buffer
		lines := newEncoder(&out)
		for _, r := range results {
			writing = errors.Join(writing, lines.Encode(r))
		}
		_, err := s.stdout.Write(out.Bytes())
		writing = errors.Join(writing, err)
	})
	if err = errors.Join(err, writing); err == nil && failed > 0 {
		err = errInputs
	}
	return err
}
