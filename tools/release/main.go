package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("out", "dist", "folder to write to; it is made, and files of the same names are replaced")
	snapshot := flag.Bool("snapshot", false, "build any revision, as a version of its own that sorts before every release")
	only := flag.String("platforms", strings.Join(platforms, ","), "what to build for")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: release [flags] TAG\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := release(flag.Arg(0), *out, *snapshot, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release builds everything of one tag.
func release(tag, out string, snapshot bool, platforms []string) error {
	v, err := resolve(tag, snapshot)
	if err != nil {
		return err
	}
	targets, err := parseTargets(platforms)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	tree, remove, err := checkout(v)
	if err != nil {
		return err
	}
	defer remove()
	var products []product
	for _, t := range targets {
		fmt.Fprintln(os.Stderr, "building", t)
		p, err := build(tree, v, t)
		if err != nil {
			return err
		}
		products = append(products, p)
	}
	files, err := pack(products, v)
	if err != nil {
		return err
	}
	return write(out, files)
}

// artefact is a file to publish.
type artefact struct {
	name string
	data []byte
}

// pack makes every file of the release but the checksums.
func pack(products []product, v version) ([]artefact, error) {
	var files []artefact
	add := func(name string, data []byte, err error) error {
		files = append(files, artefact{name, data})
		return err
	}
	var linux []product
	for _, p := range products {
		name, data, err := p.archive(v)
		if err := add(name, data, err); err != nil {
			return nil, err
		}
		if p.os != "linux" {
			continue
		}
		linux = append(linux, p)
		data, err = p.deb(v)
		if err := add(fmt.Sprintf("emblem_%s_%s.deb", v.number, p.arch), data, err); err != nil {
			return nil, err
		}
	}
	if len(linux) > 0 {
		data, err := image(linux, v)
		if err := add(fmt.Sprintf("emblem_%s_oci.tar", v.number), data, err); err != nil {
			return nil, err
		}
	}
	data, err := bill(products, v)
	if err := add(fmt.Sprintf("emblem_%s_sbom.cdx.json", v.number), data, err); err != nil {
		return nil, err
	}
	return files, nil
}

// write writes the files and their checksums.
func write(out string, files []artefact) error {
	files = append(files, artefact{"SHA256SUMS", sums(files)})
	for _, f := range files {
		path := filepath.Join(out, f.name)
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return err
		}
		fmt.Printf("%9d  %s\n", len(f.data), path)
	}
	return nil
}
