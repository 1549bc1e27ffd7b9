package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/library"
)

// duplicatesOptions are those of the library duplicates command.
type duplicatesOptions struct {
	Library   string
	Threshold float64
	Space     string
	Limit     int
	JSON      bool
}

func newDuplicatesCmd(a *app) *cobra.Command {
	var o duplicatesOptions
	cmd := &cobra.Command{
		Use:   "duplicates [NAME]",
		Short: "Find what is nearly the same; exit 3 if nothing is",
		Long: `Find pictures and other documents that are nearly the same: each of a group has a
cosine of at least --threshold with another of it. The largest groups come first,
of a group the earliest. Groups are told apart by an empty line.

Nothing is removed. Of more than 20,000 documents each is compared with those that
a search finds near to it, which takes its time.`,
		Example: `  emblem library duplicates
  emblem library duplicates holidays --threshold 0.99 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Library = args[0]
			}
			if o.Limit < 0 {
				return usagef("--limit must not be negative; 0 shows all groups")
			}
			if !(o.Threshold >= 0.5 && o.Threshold <= 1) {
				return usagef("--threshold is %v; a cosine between 0.5 and 1, such as %v", o.Threshold, library.NearDuplicate)
			}
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, "library.duplicates", o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Library, "library", "default", "name of the library")
	f.Float64Var(&o.Threshold, "threshold", library.NearDuplicate, "cosine from which two are nearly the same, 0.5 to 1")
	f.StringVar(&o.Space, "space", "", "whose vectors are compared; default: the model's")
	f.IntVarP(&o.Limit, "limit", "n", 0, "most groups; 0 shows all")
	f.BoolVar(&o.JSON, "json", false, "one JSON object")
	return cmd
}

// runLibraryDuplicates is the library.duplicates operation.
func runLibraryDuplicates(ctx context.Context, h *host, s *session, o duplicatesOptions) error {
	lib, err := h.store.Open(o.Library)
	if err != nil {
		return err
	}
	found, err := lib.Duplicates(ctx, library.DuplicateOptions{Threshold: o.Threshold, Space: o.Space, Limit: o.Limit})
	if err != nil {
		return err
	}
	if found.Total == 0 {
		return nothingMatched("nothing in library %s is nearly the same, from a cosine of %v on; lower --threshold to see what is like it", lib.Name(), found.Threshold)
	}
	if o.JSON {
		found.Next = "" // --limit 0 shows the rest
		return newEncoder(s.stdout).Encode(found)
	}
	var out bytes.Buffer
	for i, g := range found.Groups {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		for _, id := range g.IDs {
			fmt.Fprintln(&out, visible(id))
		}
	}
	if _, err := s.stdout.Write(out.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stderr, "%s of %s, from a cosine of %v on\n", plural(found.Total, "group"), plural(found.Documents, "document"), found.Threshold)
	return err
}
