package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings and where they come from",
		Args:  cobra.NoArgs,
		// In place of the root's: what is wrong with settings is told by show, all of it.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(*cobra.Command, []string) error {
			return usagef("say what to do: emblem config show")
		},
	}
	cmd.AddCommand(newConfigShowCmd(a))
	return cmd
}

func newConfigShowCmd(a *app) *cobra.Command {
	var origins, asJSON bool
	cmd := &cobra.Command{
		Use:   "show [COMMAND] | show -- COMMAND [FLAGS]",
		Short: "Print every setting, as a configuration file, or say what is wrong with them",
		Long: `Print every setting, as a configuration file, or say what is wrong with them.

Settings come from the configuration file, then from environment variables such
as EMBLEM_LOG_LEVEL, then from flags: the later counts. What looks like a secret
is not printed.`,
		Example: `  emblem config show --origin serve
  emblem config show --origin -- serve --addr 0.0.0.0:3625`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd.Root(), args)
			if err != nil {
				return err
			}
			for _, unknown := range s.unknownVariables(s.root) {
				a.log.Warn(unknown)
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]any{"file": s.file, "settings": s.list})
			}
			return s.print(a.stdout, origins)
		},
	}
	cmd.Flags().BoolVar(&origins, "origin", false, "say where each comes from")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// setting is one setting as config show tells it.
type setting struct {
	Command string `json:"command,omitempty"` // "" for all
	Name    string `json:"name"`
	Value   any    `json:"value"`
	Origin  string `json:"origin"` // default, file, environment or flag
	From    string `json:"from,omitempty"`
}

// settings are those of a command line, or of all commands.
type settings struct {
	*app
	root *cobra.Command
	file string // "" if there is none
	list []setting
}

// settings reads the settings that a command line would have: a command with its
// flags, or none for all commands. The flags of this one that all have count too.
func (a *app) settings(root *cobra.Command, line []string) (*settings, error) {
	s := &settings{app: newApp(a.stdin, a.stdout, a.stderr)}
	s.env, s.environ = a.env, a.environ
	s.root = newRootCmd(s.app)
	var wrong problems
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			wrong.add(s.root.PersistentFlags().Set(f.Name, f.Value.String()))
		}
	})
	cmd, flags, err := s.root.Find(line)
	if err != nil || cmd == s.root && len(line) > 0 || cmd.Hidden {
		return nil, usagef("there is no command %q; emblem --help lists them", strings.Join(line, " "))
	}
	if err := cmd.ParseFlags(flags); err != nil {
		return nil, usagef("%v", err)
	}
	k, bad := s.readConfig(cmd)
	wrong = append(wrong, bad...)
	if path, _ := s.configPath(cmd); exists(path) {
		s.file = path
	}
	wrong = append(wrong, s.read(s.root.PersistentFlags(), nil, commandKey(cmd), k)...)
	wrong = append(wrong, s.readBelow(cmd, k)...)
	wrong.add(s.startLog())
	return s, wrong.err()
}

// readBelow reads the settings of a command and of those below it.
func (s *settings) readBelow(cmd *cobra.Command, k *koanf.Koanf) problems {
	var wrong problems
	if cmd.HasParent() {
		wrong = append(wrong, s.read(cmd.LocalNonPersistentFlags(), cmd, commandKey(cmd), k)...)
		s.readOverrides(cmd, k)
		if check := s.checks[cmd]; check != nil && len(wrong) == 0 {
			wrong = append(wrong, check(false)...)
		}
	}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "config" {
			wrong = append(wrong, s.readBelow(sub, k)...)
		}
	}
	return wrong
}

// read reads the settings of one set of flags.
func (s *settings) read(flags *pflag.FlagSet, cmd *cobra.Command, section string, k *koanf.Koanf) problems {
	var wrong problems
	command := ""
	if cmd != nil {
		command = section
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "config" {
			return
		}
		wrong.add(s.fill(f, section, k))
		from := s.origins[f]
		one := setting{command, f.Name, valueOf(f), from.kind, from.name}
		if one.Origin == "" {
			one.Origin = "default"
		}
		s.list = append(s.list, one)
	})
	return wrong
}

// readOverrides reads what a section says of flags that all commands have, unless
// they are those of the command that is shown.
func (s *settings) readOverrides(cmd *cobra.Command, k *koanf.Koanf) {
	s.root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		key := commandKey(cmd) + "." + f.Name
		if k.Exists(key) && s.origins[f].name != key { // those of all commands are no secrets
			s.list = append(s.list, setting{commandKey(cmd), f.Name, redact(fmt.Sprint(k.Get(key))), "file", key})
		}
	})
}

// valueOf is a flag's value as JSON has it, without what is a secret.
func valueOf(f *pflag.Flag) any {
	if isSecret(f.Name) && f.Value.String() != "" {
		return redacted
	}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		values := append([]string{}, list.GetSlice()...)
		for i, v := range values {
			values[i] = redact(v)
		}
		return values
	}
	text := f.Value.String()
	if b, err := strconv.ParseBool(text); err == nil && f.Value.Type() == "bool" {
		return b
	}
	switch f.Value.Type() {
	case "string":
		return redact(text)
	case "int", "int64", "uint", "uint64", "float32", "float64":
		return json.Number(text)
	}
	if text == "" {
		return nil // a kind that has no empty value
	}
	return redact(text)
}

// print writes the settings as YAML: JSON's values are YAML's too.
func (s *settings) print(w io.Writer, origins bool) error {
	out := new(strings.Builder)
	if s.file != "" {
		fmt.Fprintf(out, "# configuration file: %s\n", visible(s.file))
	}
	command := ""
	for _, one := range s.list {
		if one.Command != command {
			printSections(out, command, one.Command)
			command = one.Command
		}
		value, err := json.Marshal(one.Value)
		if err != nil {
			return err
		}
		if one.Value == nil {
			fmt.Fprintf(out, "%s# %s: not set\n", indent(one.Command), one.Name)
			continue
		}
		fmt.Fprintf(out, "%s%s: %s", indent(one.Command), keyOf(one.Name), value)
		if origins {
			fmt.Fprintf(out, "  # %s", origin{strings.TrimPrefix(one.Origin, "default"), one.From})
		}
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// printSections opens the sections of a command that the one before has not opened.
func printSections(w io.Writer, before, command string) {
	had, parts := strings.Split(before, "."), strings.Split(command, ".")
	same := 0
	for same < len(had) && same < len(parts) && had[same] == parts[same] {
		same++
	}
	for i := same; i < len(parts); i++ {
		fmt.Fprintf(w, "%s%s:\n", strings.Repeat("  ", i), parts[i])
	}
}

// keyOf is a name as a key: what YAML reads as something else needs quotes.
func keyOf(name string) string {
	if slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, name) {
		return strconv.Quote(name)
	}
	return name
}

func indent(command string) string {
	if command == "" {
		return ""
	}
	return strings.Repeat("  ", 1+strings.Count(command, "."))
}
