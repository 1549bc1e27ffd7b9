package hub

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Licence is what is known of the licence of a model's folder: as it was pulled, as
// the table of short names has it, or as its README's front matter states it; "" if
// nothing is.
func Licence(dir string) string {
	if repo, commit, ok := snapshotRepo(dir); ok {
		cache := filepath.Dir(filepath.Dir(filepath.Dir(dir)))
		if r, err := (place{cache: cache, repo: repo}).readRecord(commit); err == nil && r.Licence != "" {
			return r.Licence
		}
		if a := aliasOf(repo); a != nil {
			return a.Licence
		}
	}
	f, err := os.Open(filepath.Join(dir, "README.md"))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 64<<10))
	front, ok := strings.CutPrefix(string(text), "---\n")
	front, _, end := strings.Cut(front, "\n---")
	if m := licenceLine.FindStringSubmatch(front); ok && end && m != nil {
		return m[1]
	}
	return ""
}

var licenceLine = regexp.MustCompile(`(?m)^license: *([A-Za-z0-9][A-Za-z0-9._-]{0,60}) *$`)
