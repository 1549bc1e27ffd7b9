package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version = ""

// release is what this binary was built from, as emblem version says it.
type release struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // built from a tree with uncommitted changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Kernels  string `json:"kernels"`
}

func newVersionCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the kernels chosen",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info := readRelease(a.wiring.kernels())
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(info)
			}
			_, err := fmt.Fprintln(a.stdout, info)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func (v release) String() string {
	commit := v.Commit
	if commit == "" {
		commit = "unknown"
	}
	if v.Modified {
		commit += " (modified)"
	}
	return fmt.Sprintf("emblem %s\ncommit  %s\ngo      %s %s/%s\nkernels %s", v.Version, commit, v.Go, v.OS, v.Arch, v.Kernels)
}

func readRelease(kernels string) release {
	v := release{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Kernels: kernels}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v.named("")
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v.named(info.Main.Version)
}

// named falls back to the module's version, then to "devel".
func (v release) named(module string) release {
	if v.Version == "" {
		v.Version = module
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "devel"
	}
	return v
}
