package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/bench"
	"github.com/emblem-search/emblem/testdata/pictures"
)

// newBenchTradeoffCmd measures what less work costs.
func newBenchTradeoffCmd(a *app) *cobra.Command {
	var f modelFlags
	var reduce []string
	var seconds float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tradeoff",
		Short: "Time dtypes and shortened sequences, and how well captions still find the sample pictures",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings := []bench.Setting{{DType: "f32"}}
			for _, d := range []string{"bf16", "int8", "int4-32", "int4", "int4-128"} {
				settings = append(settings, bench.Setting{DType: d})
			}
			for _, s := range reduce {
				r, err := parseReduce(s)
				if err != nil {
					return err
				}
				settings = append(settings, bench.Setting{DType: "f32", Reduce: r})
			}
			rows, err := bench.Tradeoffs(cmd.Context(), pictures.Files, func(s bench.Setting) (*fusion.DualEncoder, error) {
				return f.with(cmd.Context(), a, s)
			}, settings, time.Duration(seconds*float64(time.Second)))
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(rows)
			}
			return printTradeoffs(a, rows)
		},
	}
	f.addModel(cmd)
	cmd.Flags().StringArrayVar(&reduce, "reduce", []string{"merge:2", "merge:4", "merge:6", "merge:8", "prune:0.9", "prune:0.8", "prune:0.7", "prune:0.5"}, "settings of --reduce to measure (repeatable)")
	cmd.Flags().Float64Var(&seconds, "seconds", 1.5, "how long to measure each")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON list")
	return cmd
}

// with opens the model in a setting.
func (f modelFlags) with(ctx context.Context, a *app, s bench.Setting) (*fusion.DualEncoder, error) {
	f.dtype, f.reduce = s.DType, s.Reduce.String()
	m, err := f.open(ctx, a)
	if err != nil {
		return nil, err
	}
	return m.DualEncoder, ready(m, true, true)
}

func printTradeoffs(a *app, rows []bench.Tradeoff) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "dtype\treduce\tms\tspeed\tper s\tspeed\tcosine\tworst\tR@1\tR@5\tweights")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%.2f\t%.0f\t%.2f\t%.4f\t%.4f\t%.1f %%\t%.1f %%\t%.1f MB\n", r.DType, r.Reduce, r.MS, rows[0].MS/r.MS,
			r.PerSecond, r.PerSecond/rows[0].PerSecond, r.Cosine, r.MinCosine, 100*r.First, 100*r.Five, float64(r.WeightBytes)/1e6)
	}
	return t.Flush()
}
