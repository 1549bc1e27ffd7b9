package main

import (
	"fmt"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// origin is where a flag's value comes from, if not from its default.
type origin struct {
	kind string // file, environment or flag
	name string // the key, variable or flag
}

func (o origin) String() string {
	switch o.kind {
	case "":
		return "default"
	case "environment":
		return "environment variable " + o.name
	case "file":
		return "configuration key " + o.name
	}
	return o.name
}

// fill sets a flag that was not given, from the environment or else from the file,
// and remembers where its value comes from.
func (a *app) fill(f *pflag.Flag, section string, k *koanf.Koanf) error {
	if f.Changed {
		a.origins[f] = origin{"flag", "--" + f.Name}
		return nil
	}
	if v, ok := a.env(envName(f.Name)); ok && v != "" {
		return a.set(f, origin{"environment", envName(f.Name)}, listOf(f, v))
	}
	for _, key := range []string{section + "." + f.Name, f.Name} {
		if !k.Exists(key) {
			continue
		}
		from := origin{"file", key}
		values, err := valuesOf(f, k.Get(key))
		if err != nil {
			return refusef("config", "%s %w", from, err)
		}
		return a.set(f, from, values)
	}
	return nil
}

// set sets a flag. A list takes the place of its default.
func (a *app) set(f *pflag.Flag, from origin, values []string) error {
	var err error
	if list, ok := f.Value.(pflag.SliceValue); ok {
		err = list.Replace(values)
	} else {
		err = f.Value.Set(values[0])
	}
	if err != nil {
		return refusef("config", "%s: %q is no value for --%s: %v", from, redact(strings.Join(values, ",")), f.Name, plainSyntax(err))
	}
	f.Changed = true
	a.origins[f] = from
	return nil
}

// plainSyntax leaves the name of the parser out of its error.
func plainSyntax(err error) string {
	s := err.Error()
	if at := strings.LastIndex(s, ": "); strings.HasPrefix(s, "strconv.") && at >= 0 {
		return s[at+2:]
	}
	return s
}

// flagsOf are the flags of a command that are settings, those of all commands
// among them.
func flagsOf(cmd *cobra.Command) []*pflag.Flag {
	var all []*pflag.Flag
	add := func(f *pflag.Flag) {
		if f.Name != "help" {
			all = append(all, f)
		}
	}
	cmd.LocalNonPersistentFlags().VisitAll(add)
	cmd.Root().PersistentFlags().VisitAll(add)
	return all
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
	if isList(f) {
		return strings.Split(v, ",")
	}
	return []string{v}
}

func isList(f *pflag.Flag) bool {
	_, ok := f.Value.(pflag.SliceValue)
	return ok
}

// valuesOf reads a value of the file: a list for a list, one value for anything
// else.
func valuesOf(f *pflag.Flag, value any) ([]string, error) {
	list, ok := value.([]any)
	switch {
	case ok && !isList(f):
		return nil, fmt.Errorf("takes one value, not a list")
	case !ok:
		list = []any{value}
	}
	out := make([]string, len(list))
	for i, v := range list {
		switch v.(type) {
		case nil:
			return nil, fmt.Errorf("has no value; give it one or leave it out")
		case map[string]any, []any:
			return nil, fmt.Errorf("takes plain values, nothing nested")
		}
		out[i] = fmt.Sprint(v)
	}
	return out, nil
}
