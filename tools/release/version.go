package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// version is a tag taken apart.
type version struct {
	tag    string // v1.2.3-rc.1
	number string // 1.2.3-rc.1
	commit string
	when   time.Time // of the commit; every time in a release is this one
}

var semantic = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// resolve looks the tag up. A snapshot may be any revision and is named after
// its commit.
func resolve(tag string, snapshot bool) (version, error) {
	ref := "refs/tags/" + tag
	if snapshot {
		ref = tag
	} else if !semantic.MatchString(tag) {
		return version{}, fmt.Errorf("%q is no version tag such as v1.2.3; use -snapshot for another revision", tag)
	}
	commit, err := git("rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return version{}, fmt.Errorf("there is no tag %s: %w", tag, err)
	}
	seconds, err := git("show", "-s", "--format=%ct", commit)
	if err != nil {
		return version{}, err
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return version{}, fmt.Errorf("commit time %q: %w", seconds, err)
	}
	if snapshot {
		tag = "v0.0.0-" + commit[:12]
	}
	return version{tag: tag, number: tag[1:], commit: commit, when: time.Unix(n, 0).UTC()}, nil
}

// debian is the version as Debian sorts it: candidates before their release.
func (v version) debian() string { return strings.Replace(v.number, "-", "~", 1) }

// checkout clones the version's tree into a folder of its own. A clone, since the
// go command writes no commit into what it builds in a git worktree.
func checkout(v version) (dir string, remove func(), err error) {
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return "", nil, err
	}
	parent, err := os.MkdirTemp("", "emblem-release-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(parent) }
	dir = filepath.Join(parent, "tree")
	if _, err = git("clone", "--quiet", "--no-checkout", top, dir); err == nil {
		_, err = git("-C", dir, "checkout", "--quiet", "--detach", v.commit)
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

func git(args ...string) (string, error) {
	out, err := output(exec.Command("git", args...))
	return strings.TrimSpace(string(out)), err
}

// output runs a command; its error says what the command said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return out, nil
}
