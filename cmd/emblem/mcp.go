package main

import (
	"context"
	"errors"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/server"
)

func newMCPCmd(a *app) *cobra.Command {
	o := serveOptions{Addr: defaultAddr}
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let an agent search, over the standard streams (Model Context Protocol)",
		Long: `Let an agent search, over the standard streams (Model Context Protocol).

Agents start this command themselves; give it to them as: emblem mcp. While a
server runs on the same data directory, use its address instead:
http://127.0.0.1:3625/mcp.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ended(cmd.Context(), a.owning(cmd.Context(), func(ctx context.Context, dir string, h *host, s *session) error {
				return (&serving{app: a, host: h, session: s, options: o, dir: dir}).speak(ctx)
			}))
		},
	}
	cmd.Flags().StringArrayVar(&o.Models, "model", nil, "a model to serve, as M or NAME=M (repeatable); default: builtin/search")
	cmd.Flags().StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	return cmd
}

// speak answers one agent on the standard streams until it hangs up.
func (x *serving) speak(ctx context.Context) error {
	embedders, err := x.embedders(ctx)
	if err != nil {
		return err
	}
	srv, err := server.New(server.Options{Embedders: embedders, Libraries: shelves{host: x.host}, Log: x.log, Version: readRelease("").Version})
	if err != nil {
		return err
	}
	defer srv.Close()
	err = srv.MCP(nil).Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(x.stdin), Writer: nopCloser{x.stdout}})
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
