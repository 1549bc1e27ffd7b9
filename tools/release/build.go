package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// platforms are what a release is built for.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// tags are the build tags of a release: HEIC and AVIF by the decoders inside the
// binary, never by libraries that the machine happens to have.
const tags = "heif,nodynamic"

// target is a platform.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// binary is the program's name there.
func (t target) binary() string {
	if t.os == "windows" {
		return "emblem.exe"
	}
	return "emblem"
}

func parseTargets(names []string) ([]target, error) {
	var all []target
	for _, name := range names {
		if !slices.Contains(platforms, name) {
			return nil, fmt.Errorf("platform %q is none of %v", name, platforms)
		}
		os, arch, _ := strings.Cut(name, "/")
		all = append(all, target{os, arch})
	}
	return all, nil
}

// product is a built binary with what goes beside it.
type product struct {
	target
	program []byte
	info    *debug.BuildInfo
	docs    []entry // README, licence, notices
}

// build compiles the program and gathers its documents.
func build(tree string, v version, t target) (product, error) {
	path := filepath.Join(filepath.Dir(tree), t.os+"-"+t.arch, t.binary())
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-tags="+tags,
		"-ldflags=-s -w -X main.version="+v.tag, "-o", path, "./cmd/emblem")
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off")
	if _, err := output(cmd); err != nil {
		return product{}, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return product{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return product{}, err
	}
	docs, err := documents(tree, info)
	return product{t, program, info, docs}, err
}

// documents are the tree's own and the licences of everything linked in.
func documents(tree string, info *debug.BuildInfo) ([]entry, error) {
	var docs []entry
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE", "NOTICE"} {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			return nil, err
		}
		docs = append(docs, entry{name: name, mode: 0o644, data: text})
	}
	licences, err := licences(tree, info)
	if err != nil {
		return nil, err
	}
	return append(docs, entry{name: "LICENSES.txt", mode: 0o644, data: licences}), nil
}
