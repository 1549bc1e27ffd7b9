package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
// Order: file < EMBLEM_FLAG_NAME < flag. A key that nothing reads is an error.

// configure fills the flags that the command line left out and makes the logger.
func (a *app) configure(cmd *cobra.Command) error {
	file, err := a.configFile(cmd)
	if err != nil {
		return err
	}
	if err := knownKeys(file, cmd.Root()); err != nil {
		return err
	}
	if err := a.fillFlags(cmd, file); err != nil {
		return err
	}
	a.wiring.aliases = file.StringMap("aliases")
	return a.startLog()
}

// configFile reads the configuration file; the default one may be absent.
func (a *app) configFile(cmd *cobra.Command) (*koanf.Koanf, error) {
	k := koanf.New(".")
	path, named := a.configPath(cmd)
	if path == "" {
		return k, nil
	}
	if _, err := os.Stat(path); os.IsNotExist(err) && !named {
		return k, nil
	}
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return nil, refusef("config", "configuration file %s: %v", path, err)
	}
	return k, nil
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

// fillFlags sets every flag that was not given, from the environment or else
// from the file.
func (a *app) fillFlags(cmd *cobra.Command, k *koanf.Koanf) error {
	section := commandKey(cmd)
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if first != nil || f.Changed || f.Name == "help" {
			return
		}
		if v, ok := a.env(envName(f.Name)); ok {
			first = setFlag(cmd, f, envName(f.Name), listOf(f, v))
			return
		}
		for _, key := range []string{section + "." + f.Name, f.Name} {
			if k.Exists(key) {
				first = setFlag(cmd, f, "configuration key "+key, valuesOf(k, key))
				return
			}
		}
	})
	return first
}

// commandKey is the command's path without the program: "library.rename".
func commandKey(cmd *cobra.Command) string {
	_, rest, _ := strings.Cut(cmd.CommandPath(), " ")
	return strings.ReplaceAll(rest, " ", ".")
}

func envName(flag string) string {
	return "EMBLEM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// listOf splits a list's environment value at commas.
func listOf(f *pflag.Flag, v string) []string {
	if _, isList := f.Value.(pflag.SliceValue); isList {
		return strings.Split(v, ",")
	}
	return []string{v}
}

func valuesOf(k *koanf.Koanf, key string) []string {
	if list, ok := k.Get(key).([]any); ok {
		out := make([]string, len(list))
		for i, v := range list {
			out[i] = fmt.Sprint(v)
		}
		return out
	}
	return []string{fmt.Sprint(k.Get(key))}
}

func setFlag(cmd *cobra.Command, f *pflag.Flag, origin string, values []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		if err := list.Replace(values); err != nil {
			return refusef("config", "%s: %v", origin, err)
		}
		f.Changed = true
		return nil
	}
	for _, v := range values {
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			return refusef("config", "%s: %v", origin, err)
		}
	}
	return nil
}

// knownKeys refuses a key that no command reads, by its name.
func knownKeys(k *koanf.Koanf, root *cobra.Command) error {
	known := map[string]bool{}
	collectKeys(root, known)
	for _, key := range k.Keys() {
		if !known[key] && !strings.HasPrefix(key, "aliases.") {
			return refusef("config", "configuration key %q is not known; keys are flag names, or COMMAND.FLAG", key)
		}
	}
	return nil
}

func collectKeys(cmd *cobra.Command, known map[string]bool) {
	add := func(f *pflag.Flag) {
		known[f.Name] = true
		known[commandKey(cmd)+"."+f.Name] = true
	}
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	for _, sub := range cmd.Commands() {
		collectKeys(sub, known)
	}
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

// configDir is where the configuration file lives, or "".
func (a *app) configDir() string {
	if dir, ok := a.env("XDG_CONFIG_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem")
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "emblem")
}

// dataDir is the data directory: --data or the platform's.
func (a *app) dataDir() (string, error) {
	if a.data != "" {
		return filepath.Abs(a.data)
	}
	if dir, ok := a.env("XDG_DATA_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", refusef("config", "no home directory; name a data directory with --data")
	}
	switch runtime.GOOS {
	case "darwin", "ios":
		return filepath.Join(home, "Library", "Application Support", "emblem"), nil
	case "windows":
		if dir, ok := a.env("LocalAppData"); ok && dir != "" {
			return filepath.Join(dir, "emblem"), nil
		}
		return filepath.Join(home, "AppData", "Local", "emblem"), nil
	}
	return filepath.Join(home, ".local", "share", "emblem"), nil
}

// cacheDir is the user's cache directory for what can be made again.
func (a *app) cacheDir() (string, error) {
	if dir, ok := a.env("XDG_CACHE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "emblem"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", refusef("config", "no cache directory; set XDG_CACHE_HOME, or index into a library: emblem index PATH")
	}
	return filepath.Join(dir, "emblem"), nil
}
