package main

// How to add a command: write newXCmd(a *app) *cobra.Command in a file of its
// own and add it to the list in commands below; there are no init functions.
// RunE gets its context from cmd.Context() (cancelled by SIGINT and SIGTERM),
// writes data to a.stdout and everything else to a.stderr or a.log, and returns
// errors made by usagef, failf or notFoundf where the exit code matters: a plain
// error is exit 1. Errors from flags and argument counts become exit 2 by
// themselves. Every flag can also be set as EMBLEM_FLAG_NAME and in the
// configuration file (see config.go), without further work.

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/emblem-search/emblem/internal/weights"
)

// app carries what all commands share. The fields of globals are final when a
// command's RunE starts.
type app struct {
	globals
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger // warnings and progress notes, on stderr
	env    func(string) (string, bool)
	wiring wiring // the models' side: see wiring.go

	environ func() []string                            // NAME=VALUE, all there are
	origins map[*pflag.Flag]origin                     // of flags that are set
	checks  map[*cobra.Command]func(run bool) problems // of settings; those of a run look at files too

	args []string // the command line

	// started says that flags and arguments were accepted and RunE was entered.
	started bool
}

// globals are the flags that every command has.
type globals struct {
	config    string // path of the configuration file; "" means the default place
	data      string // data directory; "" means the platform's
	device    string
	logLevel  string
	logFormat string
	noColor   bool
	noCache   bool
	cacheSize size // of packed weights
}

// commands is the list of all commands.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newIndexCmd(a),
		newServeCmd(a),
		newSearchCmd(a),
		newAskCmd(a),
		newLibraryCmd(a),
		newEmbedCmd(a),
		newScoreCmd(a),
		newClassifyCmd(a),
		newReconstructCmd(a),
		newCompleteCmd(a),
		newTokenizeCmd(a),
		newInspectCmd(a),
		newModelsCmd(a),
		newPullCmd(a),
		newBundleCmd(a),
		newConvertCmd(a),
		newConfigCmd(a),
		newKeyCmd(a),
		newMCPCmd(a),
		newHealthCmd(a),
		newDoctorCmd(a),
		newEvalCmd(a),
		newBenchCmd(a),
		newVersionCmd(a),
	}
}

// newApp returns an app over the given streams, with the process's environment.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: os.LookupEnv, environ: os.Environ, wiring: defaultWiring(),
		origins: map[*pflag.Flag]origin{}, checks: map[*cobra.Command]func(bool) problems{}}
	a.log = newLogger(stderr, "text", slog.LevelInfo)
	return a
}

// newRootCmd builds the command tree over a.
func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "emblem",
		Short:         "Search pictures by meaning",
		SilenceUsage:  true,
		SilenceErrors: true,
		// Suggestions would turn a mistyped query into a lecture.
		DisableSuggestions: true,
		CompletionOptions:  cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.configure(cmd)
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	addGlobals(root, &a.globals)
	root.AddCommand(commands(a)...)
	markStart(root, a)
	return root
}

func addGlobals(root *cobra.Command, g *globals) {
	f := root.PersistentFlags()
	f.StringVar(&g.config, "config", "", "configuration file (YAML); default: config.yaml in emblem's configuration directory")
	f.StringVar(&g.data, "data", "", "data directory; default: the platform's, such as ~/.local/share/emblem")
	f.StringVar(&g.device, "device", "auto", "where models run: auto, cpu, cuda, cuda:N")
	f.StringVar(&g.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&g.logFormat, "log-format", "text", "text or json")
	f.BoolVar(&g.noCache, "no-cache", false, "keep no packed weights and hashes of models in the cache directory")
	g.cacheSize = 16e9
	f.Var(&g.cacheSize, "cache-size", "what packed weights may take of the disk; those used least recently go")
	f.BoolVar(&g.noColor, "no-color", false, "no colours and no thumbnails")
}

// markStart wraps every RunE so that an error before it is known as usage.
func markStart(cmd *cobra.Command, a *app) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			a.started = true
			return inner(c, args)
		}
	}
	for _, sub := range cmd.Commands() {
		markStart(sub, a)
	}
}

// run executes one command line and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	return newApp(stdin, stdout, stderr).execute(ctx, args)
}

// die prints a fatal error and ends the process: for what no caller waits for.
func (a *app) die(err error) {
	err = classify(context.Background(), err, true)
	printError(a.stderr, err, wantsJSON(nil, a.args))
	os.Exit(exitCode(err))
}

// execute runs args under ctx and returns the exit code; a fatal error has been
// printed on stderr.
func (a *app) execute(ctx context.Context, args []string) int {
	a.args = args
	root := newRootCmd(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	weights.CacheAt(a.wiring.cache).Wait(ctx)
	if err == nil {
		return exitOK
	}
	err = classify(ctx, err, a.started)
	printError(a.stderr, err, wantsJSON(cmd, args))
	return exitCode(err)
}
