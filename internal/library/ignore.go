package library

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/emblem-search/emblem/internal/picture"
)

// ignoreFile is the name of files with patterns in .gitignore's syntax.
const ignoreFile = ".emblemignore"

// rule is one line of an ignore file.
type rule struct {
	pattern string // doublestar's, relative to the file's folder
	negate  bool
	dirOnly bool
}

// ruleSet is the rules of one folder and those above it.
type ruleSet struct {
	parent *ruleSet
	dir    string
	rules  []rule
}

// maxIgnoreFile bounds an ignore file; more than that is not one.
const maxIgnoreFile = 1 << 20

// readRules adds dir's ignore file, if it has one, to the rules from above.
func readRules(parent *ruleSet, dir string) (*ruleSet, error) {
	f, err := picture.Open(filepath.Join(dir, ignoreFile))
	if os.IsNotExist(err) {
		return parent, nil
	}
	if err != nil {
		return parent, err
	}
	defer f.Close()
	rules, err := parseRules(io.LimitReader(f, maxIgnoreFile))
	return &ruleSet{parent, dir, rules}, err
}

// parseRules reads the lines that can be read; the error names the first that
// cannot.
func parseRules(r io.Reader) (rules []rule, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxIgnoreFile)
	for lines.Scan() {
		r, ok := parseRule(lines.Text())
		switch {
		case !ok:
		case validPattern(r.pattern):
			rules = append(rules, r)
		case err == nil:
			err = fmt.Errorf("the pattern %q is none", lines.Text())
		}
	}
	return rules, errors.Join(err, lines.Err())
}

// maxStars bounds the time that matching takes, which grows fast with stars.
const maxStars = 12

func validPattern(p string) bool {
	return strings.Count(p, "*") <= maxStars && doublestar.ValidatePattern(p)
}

// parseRule translates one line. Gitignore knows no alternatives in braces, and
// a pattern without a slash inside counts at any depth.
func parseRule(line string) (rule, bool) {
	line = strings.TrimRight(line, "\r")
	if s := strings.TrimRight(line, " "); !strings.HasSuffix(s, `\`) {
		line = s
	}
	if line == "" || line[0] == '#' {
		return rule{}, false
	}
	var r rule
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		r.negate, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		r.dirOnly, line = true, rest
	}
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if !anchored {
		line = "**/" + line
	}
	r.pattern = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(line)
	return r, line != ""
}

// ignores says whether the path, which lies below the rules' folder, is left
// out. The last rule that matches decides, nearer files first.
func (s *ruleSet) ignores(path string, isDir bool) bool {
	for ; s != nil; s = s.parent {
		rel, err := filepath.Rel(s.dir, path)
		if err != nil {
			continue
		}
		rel = filepath.ToSlash(rel)
		for i := len(s.rules) - 1; i >= 0; i-- {
			r := s.rules[i]
			if r.dirOnly && !isDir {
				continue
			}
			if doublestar.MatchUnvalidated(r.pattern, rel) {
				return !r.negate
			}
		}
	}
	return false
}

// globs are the patterns of --exclude: matched against the file's name, its path
// below the root, and its whole path.
type globs []string

func newGlobs(patterns []string) (globs, error) {
	for _, p := range patterns {
		if !validPattern(filepath.ToSlash(p)) {
			return nil, errorf(KindExcluded, "the pattern %q cannot be read; use * ? [a-z] {a,b} and ** for any folders, at most %d stars", p, maxStars)
		}
	}
	return patterns, nil
}

func (g globs) match(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		rel = path
	}
	for _, p := range g {
		p = strings.TrimSuffix(filepath.ToSlash(p), "/")
		for _, name := range []string{filepath.Base(path), filepath.ToSlash(rel), filepath.ToSlash(path)} {
			if doublestar.MatchUnvalidated(p, name) {
				return true
			}
		}
	}
	return false
}
