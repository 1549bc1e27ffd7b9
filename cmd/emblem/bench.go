package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/bench"
)

// newBenchCmd measures the machine; it is for those who work on emblem.
func newBenchCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:    "bench",
		Short:  "Time towers and ops with random weights, and vector search",
		Hidden: true,
		Args:   cobra.NoArgs,
	}
	cmd.AddCommand(newBenchTowerCmd(a), newBenchOpsCmd(a), newBenchIndexCmd(a), newBenchFolderCmd(a), newBenchLoadCmd(a), newBenchDecodeCmd(a), newBenchTradeoffCmd(a))
	return cmd
}

func newBenchTowerCmd(a *app) *cobra.Command {
	var o bench.Options
	var seconds float64
	var asJSON bool
	var reduce string
	cmd := &cobra.Command{
		Use:   "tower --arch A",
		Short: "Time a published model's tower",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Device, o.For = a.device, time.Duration(seconds*float64(time.Second))
			var err error
			if o.Reduce, err = parseReduce(reduce); err != nil {
				return err
			}
			r, err := bench.Tower(cmd.Context(), o)
			switch {
			case err != nil:
				return benchError(err)
			case asJSON:
				return json.NewEncoder(a.stdout).Encode(r)
			}
			_, err = fmt.Fprintf(a.stdout, "%s, batch %d, %d tokens, %s on %s (%s, %d workers)\n%.3f ms, at best %.3f; %.1f a second; %.1f GFLOP/s, %.0f %% of the peak of %.1f\n",
				r.Arch, r.Batch, r.Tokens, r.DType, r.Device, r.Kernels, r.Workers, r.MS, r.MinMS, r.PerSecond, r.GFLOPS, 100*r.PeakShare, r.Peak)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Arch, "arch", "vit-b-32", "the model, such as vit-b-32, clip-text-b, smolvlm-256m-decode")
	f.IntVar(&o.Batch, "batch", 1, "pictures or texts at a time")
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	addReduce(cmd, &reduce)
	f.IntVar(&o.Tokens, "tokens", 0, "tokens of each text or prompt; 0: all positions, 87 of a prompt")
	f.Float64Var(&seconds, "seconds", 3, "how long to measure")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func newBenchOpsCmd(a *app) *cobra.Command {
	var seconds float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ops",
		Short: "Time each op of a ViT-B/32 at batch 1 and 8, in f32, bf16 and int8",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := bench.Ops(cmd.Context(), a.device, time.Duration(seconds*float64(time.Second)))
			switch {
			case err != nil:
				return err
			case asJSON:
				return json.NewEncoder(a.stdout).Encode(r)
			}
			_, err = fmt.Fprint(a.stdout, r)
			return err
		},
	}
	f := cmd.Flags()
	f.Float64Var(&seconds, "seconds", 2, "how long to measure each of six towers")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}
