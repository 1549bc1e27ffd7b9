package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/library"
)

// migrateOptions are those of library migrate.
type migrateOptions struct {
	Library  string
	Model    string
	DType    string
	Rollback bool
	Status   bool
	JSON     bool
}

func newMigrateCmd(a *app) *cobra.Command {
	var o migrateOptions
	cmd := &cobra.Command{
		Use:   "migrate --model MODEL",
		Short: "Give a library another model, while it goes on answering",
		Long: `Give a library another model, while it goes on answering.

Every picture gets a vector of the new model beside the old one; then the new
model answers. Until then the old one does, and index may run. Soon after the
beginning, emblem search --model MODEL answers too, over a map from the new
model's queries to the old one's vectors; --status says how much of what the new
model will find it finds already. An interrupted migration goes on where it was.

Files that are not there keep their old vectors and are told of; index gives them
new ones when they are back. The old vectors stay for --rollback, until
emblem library compact --drop-old. --rollback of a migration that is not complete
gives up what was done.`,
		Example: `  emblem library migrate --model laion/CLIP-ViT-B-32-laion2B-s34B-b79K
  emblem library migrate --status
  emblem library migrate --rollback`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			switch {
			case o.Status && o.Rollback || o.Model != "" && (o.Status || o.Rollback):
				return usagef("say one of --model MODEL, --status and --rollback")
			case o.Model == "" && !o.Status && !o.Rollback:
				return usagef("say which model: emblem library migrate --model MODEL")
			}
			if o.Model, err = a.modelRef(o.Model); err != nil {
				return err
			}
			dir, err := a.dataDir()
			if err != nil {
				return err
			}
			return a.perform(cmd.Context(), dir, "library.migrate", o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Library, "library", "default", "name of the library")
	f.StringVar(&o.Model, "model", "", "the new model, as for emblem index")
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	f.BoolVar(&o.Status, "status", false, "say how far a migration is")
	f.BoolVar(&o.Rollback, "rollback", false, "take back a migration")
	f.BoolVar(&o.JSON, "json", false, "one JSON object")
	return cmd
}

// runMigrate is the library.migrate operation.
func runMigrate(ctx context.Context, h *host, s *session, o migrateOptions) error {
	lib, err := h.store.Open(o.Library)
	if err != nil {
		return err
	}
	var m library.Migration
	switch {
	case o.Status:
		m, err = lib.MigrationStatus()
	case o.Rollback:
		m, err = lib.Rollback(ctx)
	default:
		m, err = o.migrate(ctx, h, s, lib)
	}
	if err != nil {
		return err
	}
	if o.JSON {
		return newEncoder(s.stdout).Encode(m)
	}
	return o.print(s, m)
}

// migrate opens the models and runs. The old model only helps: that it is not
// there any more may be why it is to be replaced.
func (o migrateOptions) migrate(ctx context.Context, h *host, s *session, lib *library.Library) (library.Migration, error) {
	meter := newMeter(s, h.wiring.kernels())
	defer meter.finish()
	log := s.logger(meter)
	new, err := h.model(ctx, modelChoice{Ref: o.Model, DType: o.DType, Bulk: true})
	if err != nil {
		return library.Migration{}, err
	}
	var old library.Embedder
	if ref := lib.Manifest().Ref; ref != "" {
		opened, err := h.model(ctx, modelChoice{Ref: ref, DType: o.DType, Bulk: true})
		if err != nil {
			log.Warn("the old model cannot be opened; until the migration is complete, queries of words are carried over less well", "model", ref, "error", err)
		} else {
			old = opened
		}
	}
	return lib.Migrate(ctx, old, new, library.Options{Ref: o.Model, Named: true, Log: log, Progress: meter.update})
}

// print tells people.
func (o migrateOptions) print(s *session, m library.Migration) error {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	row("library", "%s", m.Library)
	row("model", "%s", m.Model)
	if m.Next != "" {
		row("on its way to", "%s: %d of %s", m.Next, m.Done, plural(m.Pictures, "picture"))
	}
	if r := m.Recall; r != nil && m.Next != "" {
		row("meanwhile", "queries of %s find %.0f %% of the neighbours that they will find", m.Next, 100*r.Pictures)
	}
	if m.Previous != "" {
		row("way back", "%s, by --rollback", m.Previous)
	}
	if left := o.left(m); left != "" {
		row("left behind", "%s; they keep their old vectors", left)
	}
	return w.Flush()
}

// left names the files without a new vector.
func (o migrateOptions) left(m library.Migration) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{m.Gone, "not there"}, {m.Changed, "changed since they were indexed"}, {m.Failed, "unreadable"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}
