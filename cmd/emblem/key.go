package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/server"
)

// keyFile is where a data directory keeps the keys of the server.
const keyFile = "keys.json"

func newKeyCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make, list and remove the keys that clients of the server need",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: emblem key add, list or rm")
		},
	}
	cmd.AddCommand(newKeyAddCmd(a), newKeyListCmd(a), newKeyRemoveCmd(a))
	return cmd
}

// keyring opens the data directory's keys. A running server sees changes within a
// second.
func (a *app) keyring() (*server.Keyring, error) {
	dir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	ring, err := server.OpenKeyring(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, refusef("config", "%w", err)
	}
	return ring, nil
}

func newKeyAddCmd(a *app) *cobra.Command {
	var scopes, libraries []string
	var rate string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a key and print it, once",
		Example: `  emblem key add phone
  emblem key add importer --scope write,search --library holidays --rate 600/m`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := a.keyring()
			if err != nil {
				return err
			}
			var list []server.Scope
			for _, s := range scopes {
				list = append(list, server.Scope(s))
			}
			key, err := ring.Add(args[0], list, libraries, rate)
			if err != nil {
				return usagef("%s", strings.TrimPrefix(err.Error(), "server: "))
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]string{"name": args[0], "key": key})
			}
			fmt.Fprintln(a.stdout, key)
			fmt.Fprintln(a.stderr, "This is the only time that the key is shown. Clients send it as: Authorization: Bearer KEY")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&scopes, "scope", nil, "what it may be used for: embed, search, ask, draw, write, admin (default embed,search)")
	f.StringSliceVar(&libraries, "library", nil, "a library it may use (repeatable; default all)")
	f.StringVar(&rate, "rate", "", "requests it may make, such as 600/m (s, m or h; default no limit)")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func newKeyListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys, without the keys themselves",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ring, err := a.keyring()
			if err != nil {
				return err
			}
			keys := append([]server.Key{}, ring.List()...)
			for i := range keys {
				keys[i].Hash = ""
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]any{"keys": keys})
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Name, scopesOf(k), strings.Join(k.Libraries, ","), k.Rate, k.Created.Local().Format(time.DateOnly))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func scopesOf(k server.Key) string {
	var s []string
	for _, scope := range k.Scopes {
		s = append(s, string(scope))
	}
	return strings.Join(s, ",")
}

func newKeyRemoveCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME",
		Short: "Take a key away; it stops working within a second",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := a.keyring()
			if err != nil {
				return err
			}
			if err := ring.Remove(args[0]); err != nil {
				return usagef("%s", strings.TrimPrefix(err.Error(), "server: "))
			}
			return nil
		},
	}
}
