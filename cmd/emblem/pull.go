package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/hub"
)

func newPullCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull REPO[@REVISION]",
		Short: "Fetch a model from the Hugging Face hub",
		Long: `Fetch a model from the Hugging Face hub into its shared cache.

REPO is ORG/NAME or a short name. Only what emblem reads is fetched, and what is
there already is not. A pull that was interrupted goes on where it was; every
file is checked against the hub's hash. The folder is printed.

HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT, HF_HUB_OFFLINE and
HF_HUB_DOWNLOAD_TIMEOUT mean what they mean to the hub's own tools.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one model: emblem pull ORG/NAME or ORG/NAME@REVISION")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.pull(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// pulledLine is what --json prints.
type pulledLine struct {
	Model    string `json:"model"` // its public name
	Repo     string `json:"repo"`
	Revision string `json:"revision"` // that was taken
	Commit   string `json:"commit"`
	Dir      string `json:"dir"`
	Bytes    int64  `json:"bytes"`
	Files    int    `json:"files"`
	Licence  string `json:"licence,omitempty"`
}

func (a *app) pull(ctx context.Context, name string, asJSON bool) error {
	m := &pullMeter{out: a.stderr, tty: isTerminal(a.stderr), told: time.Now()}
	got, err := a.fetch(ctx, name, m)
	if err != nil {
		return err
	}
	if asJSON {
		return newEncoder(a.stdout).Encode(pulledLine{got.Name, got.Repo, got.Revision, got.Commit, got.Dir, got.Bytes, got.Files, got.Licence})
	}
	a.log.Info(fmt.Sprintf("%s at %s is here: %d files, %s", got.Repo, got.Revision, got.Files, hub.Bytes(got.Bytes)), licence(got.Licence)...)
	_, err = fmt.Fprintln(a.stdout, got.Dir)
	return err
}

// fetch pulls a model and shows how far it is.
func (a *app) fetch(ctx context.Context, name string, m *pullMeter) (hub.Pulled, error) {
	ref, err := a.pullRef(name)
	if err != nil {
		return hub.Pulled{}, refusef("bad_name", "%w", err)
	}
	remote, err := hub.RemoteFromEnv()
	if err != nil {
		return hub.Pulled{}, refusef("config", "%w", err)
	}
	if ref.Alias != nil && !remote.Offline {
		a.log.Info(fmt.Sprintf("pulling %s (%s, %s)", ref, ref.Alias.Size(), ref.Alias.Licence))
	}
	m.name = ref.Repo
	defer m.finish()
	got, err := hub.Pull(ctx, ref, remote, hub.PullOptions{Progress: m.update, Note: func(s string) { a.log.Info(s) }})
	if err != nil {
		return got, pullError(err)
	}
	return got, nil
}

// licence is the attribute that names it, if it is known.
func licence(s string) []any {
	if s == "" {
		return nil
	}
	return []any{"licence", s}
}

// pullRef follows the user's own short names first.
func (a *app) pullRef(name string) (hub.Ref, error) {
	for range len(a.wiring.aliases) {
		to, ok := a.wiring.aliases[name]
		if !ok {
			break
		}
		name = to
	}
	return hub.ParseRef(name)
}

// pullError gives a pull's failure its exit code.
func pullError(err error) error {
	var pull *hub.PullError
	switch {
	case !errors.As(err, &pull):
		return err
	case pull.Code == "config":
		return refusef(pull.Code, "%w", err)
	}
	return failf(pull.Code, "%w", err)
}

// pullMeter shows how far a pull is: a bar on a terminal, else a line now and
// then, in the log if there is one.
type pullMeter struct {
	out  io.Writer
	log  *slog.Logger
	tty  bool
	name string
	bar  *progressbar.ProgressBar
	told time.Time
}

func (m *pullMeter) update(done, total int64) {
	switch {
	case os.Getenv("HF_HUB_DISABLE_PROGRESS_BARS") == "1" || total == 0:
	case m.tty:
		if m.bar == nil {
			m.bar = m.newBar(total)
		}
		m.bar.Set64(done)
	case time.Since(m.told) >= tellEvery:
		m.told = time.Now()
		if m.log != nil {
			m.log.Info("pulling a model", "model", m.name, "bytes", done, "of", total)
			return
		}
		fmt.Fprintf(m.out, "%s: %s of %s\n", m.name, hub.Bytes(done), hub.Bytes(total))
	}
}

func (m *pullMeter) newBar(total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(m.out),
		progressbar.OptionSetDescription(m.name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

// finish takes the bar away.
func (m *pullMeter) finish() {
	if m.bar != nil {
		m.bar.Clear()
	}
}
