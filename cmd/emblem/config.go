package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
)

// The configuration file is YAML. Keys at the top are flag names and count for
// every command that has the flag; a section named after a command counts for it
// alone; "aliases" maps short names to models:
//
//	data: /srv/emblem
//	index:
//	  exclude: ["*.psd"]
//	aliases:
//	  photos: openai/clip-vit-base-patch32
//
// Order: file < EMBLEM_FLAG_NAME < flag. A key that nothing reads is an error, and
// all that is wrong is told at once.

// configure fills the flags that the command line left out and makes the logger.
func (a *app) configure(cmd *cobra.Command) error {
	k, wrong := a.readConfig(cmd)
	section := commandKey(cmd)
	for _, f := range flagsOf(cmd) {
		wrong.add(a.fill(f, section, k))
	}
	wrong.add(a.startLog())
	a.useCache()
	if check := a.checks[cmd]; check != nil {
		wrong = append(wrong, check(true)...)
	}
	return wrong.err()
}

// readConfig reads the configuration file and checks its keys; the default file may
// be absent.
func (a *app) readConfig(cmd *cobra.Command) (*koanf.Koanf, problems) {
	k := koanf.New(".")
	var wrong problems
	path, named := a.configPath(cmd)
	if path == "" {
		return k, nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !named {
		return k, nil
	}
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		wrong.add(refusef("config", "configuration file %s: %v", path, err))
		return k, wrong
	}
	wrong = append(wrong, unknownKeys(k, cmd.Root())...)
	var bad problems
	a.wiring.aliases, bad = aliases(k)
	return k, append(wrong, bad...)
}

func (a *app) configPath(cmd *cobra.Command) (path string, named bool) {
	if cmd.Flags().Changed("config") {
		return a.config, true
	}
	if v, ok := a.env("EMBLEM_CONFIG"); ok && v != "" {
		return v, true
	}
	dir := a.configDir()
	if dir == "" {
		return "", false
	}
	return filepath.Join(dir, "config.yaml"), false
}

// aliases reads the short names for models.
func aliases(k *koanf.Koanf) (map[string]string, problems) {
	var wrong problems
	names := map[string]string{}
	section, _ := k.Get("aliases").(map[string]any)
	for name, model := range section {
		full, ok := model.(string)
		if !ok {
			wrong.add(refusef("config", "configuration key aliases.%s has to name a model, such as %s", name, photoModel))
			continue
		}
		names[name] = full
	}
	return names, wrong
}

// startLog makes the logger that the flags ask for.
func (a *app) startLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usagef("--log-level %q is none of debug, info, warn, error", a.logLevel)
	}
	if !slices.Contains([]string{"text", "json"}, a.logFormat) {
		return usagef("--log-format %q is neither text nor json", a.logFormat)
	}
	a.log = newLogger(a.stderr, a.logFormat, level)
	return nil
}

// problems are all that is wrong with a configuration.
type problems []error

// add adds an error, if it is one.
func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

// err is the problem itself, or one error that lists all of them.
func (p problems) err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return p[0]
	}
	var lines []string
	for _, e := range p {
		lines = append(lines, e.Error())
	}
	slices.Sort(lines) // keys come in any order
	return &cliError{exit: exitUsage, code: "config", err: fmt.Errorf("%d problems:\n\t%s", len(p), strings.Join(lines, "\n\t"))}
}
