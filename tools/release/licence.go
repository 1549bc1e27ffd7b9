package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// licenceFile matches the files in which modules state their terms.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|notice|patents)([-.].*)?$`)

// licences is the text of every licence of what is linked into the program: the
// Go library's and its modules'. A module that states none is an error.
func licences(tree string, info *debug.BuildInfo) ([]byte, error) {
	dirs, err := moduleDirs(tree, info)
	if err != nil {
		return nil, err
	}
	root, err := output(exec.Command("go", "env", "GOROOT"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := appendLicences(&b, "Go "+info.GoVersion, strings.TrimSpace(string(root))); err != nil {
		return nil, err
	}
	for _, m := range info.Deps {
		if err := appendLicences(&b, m.Path+" "+m.Version, dirs[m.Path]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// moduleDirs asks the go command where the modules' sources lie.
func moduleDirs(tree string, info *debug.BuildInfo) (map[string]string, error) {
	args := []string{"list", "-m", "-json=Path,Dir"}
	for _, m := range info.Deps {
		args = append(args, m.Path)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = tree
	out, err := output(cmd)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var m struct{ Path, Dir string }
		if err := dec.Decode(&m); err != nil {
			return nil, err
		}
		dirs[m.Path] = m.Dir
	}
	return dirs, nil
}

// appendLicences adds the licence files of one folder.
func appendLicences(b *bytes.Buffer, name, dir string) error {
	if dir == "" {
		return fmt.Errorf("%s: its sources are not here; run go mod download", name)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, f := range files {
		if f.IsDir() || !licenceFile.MatchString(f.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "%s\n%s: %s\n%s\n\n%s\n\n", rule, name, f.Name(), rule, bytes.TrimSpace(text))
	}
	if !found {
		return fmt.Errorf("%s states no licence in %s", name, dir)
	}
	return nil
}

const rule = "================================================================================"
