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
	var quick, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what emblem finds on this machine, or attack a server of your own",
		Long: `Say what emblem finds on this machine, or attack a server of your own.

--attack sends a running server what strangers on a network send: foreign hosts
and origins, addresses to be fetched, picture bombs, broken and endless bodies,
slow connections. It prints what the server made of each, and asks in between
whether honest requests still get their answer.`,
		Example: `  emblem doctor
  emblem doctor --attack http://127.0.0.1:3625`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				return a.diagnose(asJSON)
			}
			return a.attack(cmd.Context(), attack.Target{URL: url, Key: key, Quick: quick}, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "attack", "", "address of the server to attack, such as http://127.0.0.1:3625")
	f.StringVar(&key, "key", "", "a key of that server, with the scope embed")
	f.BoolVar(&quick, "quick", false, "leave out the slow connections")
	f.BoolVar(&asJSON, "json", false, "one JSON object per finding")
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
	found := struct {
		release
		Cores int    `json:"cores"`
		Data  string `json:"data"`
	}{readRelease(a.wiring.kernels()), runtime.GOMAXPROCS(0), dir}
	if asJSON {
		return newEncoder(a.stdout).Encode(found)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\ncores   %d\ndata    %s\n", found.release, found.Cores, visible(dir))
	return err
}
