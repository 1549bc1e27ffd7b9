package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/library"
)

// libraryOptions are those of all library subcommands.
type libraryOptions struct {
	Name    string
	To      string // rename's new name
	DropOld bool   // compact: the vectors before a migration too
	JSON    bool
}

func newLibraryCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "library",
		Short: "List, count, check, back up, migrate, write and remove libraries",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: emblem library list, stats, duplicates, verify, rebuild, compact, backup, restore, rename, rm, apply or migrate")
		},
	}
	cmd.AddCommand(
		a.libraryCmd("list", "List the libraries", cobra.NoArgs),
		a.libraryCmd("rename OLD NEW", "Give a library another name", cobra.ExactArgs(2)),
		a.libraryCmd("rm NAME", "Remove a library; the pictures stay where they are", cobra.ExactArgs(1)),
		a.libraryCmd("stats [NAME]", "Count what a library holds", cobra.MaximumNArgs(1)),
		a.libraryCmd("verify [NAME]", "Read all of a library and say what is wrong; exit 1 if anything is", cobra.MaximumNArgs(1)),
		a.libraryCmd("rebuild [NAME]", "Make anew what makes a library fast", cobra.MaximumNArgs(1)),
		a.libraryCmd("compact [NAME]", "Give back the disk space of what was deleted and is past", cobra.MaximumNArgs(1)),
		newDuplicatesCmd(a),
		newBackupCmd(a),
		newRestoreCmd(a),
		newApplyCmd(a),
		newMigrateCmd(a),
	)
	return cmd
}

// libraryCmd is a subcommand that runs the operation of its name.
func (a *app) libraryCmd(use, short string, args cobra.PositionalArgs) *cobra.Command {
	var o libraryOptions
	name, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Name = args[0]
			}
			if len(args) > 1 {
				o.To = args[1]
			}
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, "library."+name, o)
		},
	}
	cmd.Flags().BoolVar(&o.JSON, "json", false, "one JSON object")
	if strings.HasSuffix(use, " [NAME]") {
		cmd.Flags().StringVar(&o.Name, "library", "default", "name of the library")
	}
	if name == "compact" {
		cmd.Flags().BoolVar(&o.DropOld, "drop-old", false, "give up the vectors of the model before a migration too, and the way back")
	}
	return cmd
}

func runLibraryList(_ context.Context, h *host, s *session, o libraryOptions) error {
	names, err := h.store.Names()
	if err != nil {
		return err
	}
	list := []library.Stats{}
	for _, name := range names {
		lib, err := h.store.Open(name)
		if err != nil {
			return err
		}
		stats, err := lib.Stats()
		if err != nil {
			return err
		}
		list = append(list, stats)
	}
	if o.JSON {
		return json.NewEncoder(s.stdout).Encode(map[string]any{"libraries": list})
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	for _, l := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Library, plural(l.Pictures, "picture"), l.Model, megabytes(l.DiskBytes))
	}
	return w.Flush()
}

func runLibraryRename(_ context.Context, h *host, s *session, o libraryOptions) error {
	if err := h.store.Rename(o.Name, o.To); err != nil {
		return err
	}
	return o.done(s, "renamed", o.To)
}

func runLibraryRemove(_ context.Context, h *host, s *session, o libraryOptions) error {
	if err := h.store.Remove(o.Name); err != nil {
		return err
	}
	return o.done(s, "removed", o.Name)
}

// done says what was done, where that was asked for.
func (o libraryOptions) done(s *session, what, name string) error {
	if !o.JSON {
		return nil
	}
	return json.NewEncoder(s.stdout).Encode(map[string]string{"library": name, "status": what})
}

func runLibraryStats(_ context.Context, h *host, s *session, o libraryOptions) error {
	lib, err := h.store.Open(o.Name)
	if err != nil {
		return err
	}
	stats, err := lib.Stats()
	if err != nil {
		return err
	}
	if o.JSON {
		return json.NewEncoder(s.stdout).Encode(stats)
	}
	return printStats(s, stats)
}

// printStats tells people.
func printStats(s *session, l library.Stats) error {
	rows := [][2]string{
		{"library", l.Library},
		{"model", l.Model},
		{"pictures", fmt.Sprint(l.Pictures)},
		{"vanished", fmt.Sprintf("%d (kept for 30 days)", l.Gone)},
		{"unreadable", byKind(l.Failed)},
		{"documents", fmt.Sprintf("%d, %d of them hidden", l.Documents, l.Hidden)},
	}
	for _, x := range l.Spaces {
		parts := []string{fmt.Sprintf("%s of %d numbers", plural(x.Vectors, "vector"), x.Dim), x.Metric, x.Encoder, searchedBy(x)}
		rows = append(rows, [2]string{"space " + x.Space, strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")})
	}
	rows = append(rows, [][2]string{
		{"last write", fmt.Sprint(l.Seq)},
		{"the past", past(l)},
		{"disk", megabytes(l.DiskBytes)},
		{"folders", strings.Join(l.Roots, "\n\t")},
	}...)
	if !l.Updated.IsZero() {
		rows = append(rows, [2]string{"up to date", l.Updated.Local().Format(time.DateTime)})
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	return w.Flush()
}

// past says how far back a library can be asked.
func past(l library.Stats) string {
	kept := fmt.Sprintf("kept for %.3g hours", l.Retention/3600)
	if l.Oldest == 0 {
		return kept + ", back to the first write"
	}
	return fmt.Sprintf("%s, back to write %d", kept, l.Oldest)
}

// searchedBy says how a space is searched at the moment.
func searchedBy(x library.SpaceStats) string {
	if x.State == "" || x.State == string(index.StateReading) { // nobody has searched yet
		return ""
	}
	by := "searched by " + x.State
	if x.Pending > 0 {
		by += fmt.Sprintf(" (%d to come)", x.Pending)
	}
	return by
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
