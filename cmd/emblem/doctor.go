package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/attack"
)

func newDoctorCmd(a *app) *cobra.Command {
	var url, key string
	var f modelFlags
	var quick, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [MODEL]",
		Short: "Say what emblem finds on this machine or of a model, or attack a server of your own",
		Long: `Say what emblem finds on this machine or of a model, or attack a server of your own.

MODEL gets a certificate: how far each part of its family is from the reference
library on this machine, in every dtype; by which rules it prepares pictures and
texts; and what can be seen of its folder: numbers that are none or too large,
shapes, activations, tokens, and what its dtype takes from its vectors. Anything
wrong is exit 1.

--attack sends a running server what strangers on a network send: foreign hosts
and origins, addresses to be fetched, picture bombs, broken and endless bodies,
slow connections. It prints what the server made of each, and asks in between
whether honest requests still get their answer.`,
		Example: `  emblem doctor
  emblem doctor openai/clip-vit-base-patch32 --dtype int8
  emblem doctor --attack http://127.0.0.1:3625`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && url != "":
				return usagef("--attack is for a server, %q for a model; give one of them", args[0])
			case len(args) > 0:
				f.model = args[0]
				return a.certify(cmd.Context(), f, !quick, asJSON)
			case url == "":
				return a.diagnose(asJSON)
			}
			return a.attack(cmd.Context(), attack.Target{URL: url, Key: key, Quick: quick}, asJSON)
		},
	}
	f.addDType(cmd)
	flags := cmd.Flags()
	flags.StringVar(&url, "attack", "", "address of the server to attack, such as http://127.0.0.1:3625")
	flags.StringVar(&key, "key", "", "a key of that server, with the scope embed")
	flags.BoolVar(&quick, "quick", false, "leave out the slow connections; with MODEL, its weights")
	flags.BoolVar(&asJSON, "json", false, "one JSON object, of an attack one per finding")
	return cmd
}

// attack runs all attacks and is exit 1 if the server withstood one of them badly.
func (a *app) attack(ctx context.Context, t attack.Target, asJSON bool) error {
	lines := newEncoder(a.stdout)
	faults, all := 0, 0
	err := attack.Run(ctx, t, func(f attack.Finding) {
		all++
		mark := "ok   "
		if !f.OK {
			mark = "FAULT"
			faults++
		}
		if asJSON {
			lines.Encode(f)
			return
		}
		fmt.Fprintf(a.stdout, "%s  %-9s %6d ms  %s: %s\n", mark, f.Attack, f.Millis, visible(f.Case), visible(f.Detail))
	})
	if err != nil {
		return failf("unreachable", "%w", err)
	}
	if faults > 0 {
		return failf("faults", "%d of %d attacks found fault with the server", faults, all)
	}
	return nil
}

// diagnose says what decides how fast and where emblem runs.
func (a *app) diagnose(asJSON bool) error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	found := diagnosis{readRelease(a.wiring.kernels()), runtime.GOMAXPROCS(0), dir, findCards()}
	if asJSON {
		return newEncoder(a.stdout).Encode(found)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\ncores   %d\ncuda    %s\ndata    %s\n", found.release, found.Cores, visible(found.CUDA.String()), visible(found.Data))
	return err
}

// diagnosis is what decides how fast and where emblem runs.
type diagnosis struct {
	release
	Cores int    `json:"cores"`
	Data  string `json:"data"`
	CUDA  cards  `json:"cuda"`
}
