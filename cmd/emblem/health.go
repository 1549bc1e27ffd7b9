package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newHealthCmd(a *app) *cobra.Command {
	var addr string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether its models answer",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !strings.Contains(addr, "://") {
				addr = "http://" + addr
			}
			if err := askReady(cmd.Context(), addr); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]string{"status": "ok", "address": addr})
			}
			fmt.Fprintf(a.stdout, "%s is ready\n", addr)
			return nil
		},
	}
	cmd.Flags().StringVar(&addr, "addr", defaultAddr, "where the server is, as HOST:PORT or an address with http:// or https://")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// askReady asks a server. No answer and a bad one are exit 1.
func askReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", strings.TrimRight(addr, "/")+"/readyz", nil)
	if err != nil {
		return usagef("--addr %q is no address", addr)
	}
	// On this machine nobody is in between, and a certificate is for another name.
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: loopback(r.URL.Host)}}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return failf("unreachable", "no server answers at %s: %v", addr, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var body struct {
		Error struct{ Message string }
	}
	if json.NewDecoder(answer.Body).Decode(&body) != nil || body.Error.Message == "" {
		body.Error.Message = answer.Status
	}
	return failf("not_ready", "%s is not ready: %s", addr, body.Error.Message)
}
