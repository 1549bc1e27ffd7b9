package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/models"
)

func newBundleCmd(a *app) *cobra.Command {
	var install, asJSON bool
	var to string
	cmd := &cobra.Command{
		Use:   "bundle OUT.tar MODEL... | --install FILE.tar",
		Short: "Pack models into one file, for machines without a network",
		Long: `Pack models into one file, for machines without a network, and unpack them there.

What was pulled comes back into the Hugging Face cache, under the same name and
revision; a folder comes back as a folder, in the current one or in --to. Every
file is checked against its hash, and a model is there whole or not at all. Run
it again after an interruption: what is there is not written twice.`,
		Example: `  emblem bundle models.tar clip-vit-base-patch32 ./my-model
  emblem bundle --install models.tar`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case install && len(args) != 1:
				return usagef("name one file: emblem bundle --install FILE.tar")
			case !install && len(args) < 2:
				return usagef("name a file to write and the models: emblem bundle OUT.tar MODEL...")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if install {
				return a.unbundle(cmd.Context(), args[0], to, asJSON)
			}
			return a.bundle(cmd.Context(), args[0], args[1:], asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&install, "install", false, "unpack instead")
	f.StringVar(&to, "to", ".", "where folders are unpacked to")
	f.BoolVar(&asJSON, "json", false, "print one JSON object; with --install one a model")
	return cmd
}

func (a *app) bundle(ctx context.Context, path string, names []string, asJSON bool) error {
	if _, err := os.Lstat(path); err == nil {
		return refusef("exists", "%s is there already; remove it, or name another file", path)
	}
	var list []hub.Found
	for _, name := range names {
		f, err := models.Find(name, a.wiring.aliases)
		if err != nil {
			return modelError(err)
		}
		list = append(list, f)
	}
	bytes, err := hub.Bundle(ctx, path, list, func(s string) { a.log.Info(s) })
	switch {
	case err != nil:
		return bundleError(err)
	case asJSON:
		return newEncoder(a.stdout).Encode(map[string]any{"file": path, "bytes": bytes, "models": len(list)})
	}
	_, err = fmt.Fprintln(a.stdout, path)
	return err
}

// installedLine is what --install --json prints of a model.
type installedLine struct {
	Model    string `json:"model"`
	Repo     string `json:"repo,omitempty"`
	Revision string `json:"revision,omitempty"`
	Commit   string `json:"commit,omitempty"`
	Dir      string `json:"dir"`
}

func (a *app) unbundle(ctx context.Context, path, to string, asJSON bool) error {
	f, err := os.Open(path)
	if err != nil {
		return refusef("not_found", "%w", err)
	}
	defer f.Close()
	list, err := hub.Install(ctx, f, to, hub.PullOptions{Note: func(s string) { a.log.Info(s) }})
	if err != nil {
		return bundleError(err)
	}
	enc := newEncoder(a.stdout)
	for _, m := range list {
		if asJSON {
			err = enc.Encode(installedLine{m.Name, m.Repo, m.Revision, m.Commit, m.Dir})
		} else {
			_, err = fmt.Fprintln(a.stdout, m.Dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bundleError gives the failure of a bundle its code.
func bundleError(err error) error {
	if pull := (*hub.PullError)(nil); errors.As(err, &pull) {
		return pullError(err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return failf("not_found", "%w", err)
	}
	return failf("bundle_invalid", "%w", err)
}
