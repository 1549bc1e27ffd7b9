package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/models"
)

func newModelsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the models that are here, and those with a short name",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := models.List(a.wiring.aliases)
			if err != nil {
				return err
			}
			return writeModels(a.stdout, list, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	return cmd
}

func writeModels(w io.Writer, list []models.Entry, asJSON bool) error {
	if asJSON {
		enc := newEncoder(w)
		for _, e := range list {
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tFAMILY\tFOR\tSIZE\tLICENCE\tWHERE\tNOTE")
	for _, e := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Model, cmp.Or(e.Family, "-"), cmp.Or(e.Does, "-"), hub.Bytes(e.Bytes), cmp.Or(e.Licence, "-"), e.Where, e.Note)
	}
	return t.Flush()
}
