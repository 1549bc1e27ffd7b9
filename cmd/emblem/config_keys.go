package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
)

// unknownKeys refuses the keys that no command reads, each with the nearest one
// that there is.
func unknownKeys(k *koanf.Koanf, root *cobra.Command) problems {
	known, sections := map[string]bool{}, map[string]bool{"aliases": true}
	collectKeys(root, known, sections)
	var wrong problems
	for _, key := range k.Keys() {
		empty := k.Get(key) == nil || fmt.Sprint(k.Get(key)) == "map[]"
		switch {
		case known[key] || strings.HasPrefix(key, "aliases.") || sections[key] && empty:
		case sections[key]:
			wrong.add(refusef("config", "configuration key %q is a section; write its keys below it", key))
		default:
			wrong.add(refusef("config", "configuration key %q is not known; %s", key, hint(key, known)))
		}
	}
	return wrong
}

// hint names the known key that is spelled most like one that is not.
func hint(key string, known map[string]bool) string {
	if near := nearest(key, slices.Sorted(maps.Keys(known))); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "keys are flag names, or COMMAND.FLAG"
}

// collectKeys gathers the keys and sections that a command and those below it have.
func collectKeys(cmd *cobra.Command, known, sections map[string]bool) {
	if cmd.HasParent() {
		sections[commandKey(cmd)] = true
	}
	for _, f := range flagsOf(cmd) {
		if f.Name == "config" {
			continue // a file cannot say where it is
		}
		known[f.Name] = true
		if cmd.HasParent() {
			known[commandKey(cmd)+"."+f.Name] = true
		}
	}
	for _, sub := range cmd.Commands() {
		collectKeys(sub, known, sections)
	}
}

// nearest is the name that is spelled most like s; "" if none is like it.
func nearest(s string, names []string) string {
	best, most := "", 1+max(1, len(s)/3) // edits that are a slip
	for _, name := range names {
		if n := edits(s, name); n < most {
			best, most = name, n
		}
	}
	return best
}

// edits is the number of letters that have to be put in, left out, replaced or
// swapped with the next to make b of a (Damerau 1964, restricted).
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// unknownVariables names the environment variables that look like settings and are
// none. They are no error: Kubernetes makes some for every service by its name.
func (a *app) unknownVariables(root *cobra.Command) []string {
	known, flags := map[string]bool{"EMBLEM_KERNELS": true}, map[string]bool{}
	collectKeys(root, flags, map[string]bool{})
	for key := range flags {
		known[envName(key)] = !strings.Contains(key, ".")
	}
	known["EMBLEM_CONFIG"] = true
	maps.DeleteFunc(known, func(_ string, setting bool) bool { return !setting })
	var unknown []string
	for _, pair := range a.environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "EMBLEM_") && !known[name] {
			unknown = append(unknown, fmt.Sprintf("environment variable %s is no setting; %s", name, hint(name, known)))
		}
	}
	slices.Sort(unknown)
	return unknown
}
