package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/models"
)

func newModelsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the models that are here",
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
	fmt.Fprintln(t, "NAME\tFAMILY\tSIZE\tNOTE")
	for _, e := range list {
		fmt.Fprintf(t, "%s\t%s\t%.1f MB\t%s\n", e.Model, e.Family, float64(e.Bytes)/1e6, e.Note)
	}
	return t.Flush()
}
