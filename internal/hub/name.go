package hub

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLength bounds a model's name or folder.
const maxLength = 4_096

// checkText refuses what can be neither a name nor a folder worth having: it
// would garble a terminal, a log line or a header.
func checkText(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("hub: the model's name is empty; name a folder, ORG/NAME or an alias")
	case len(name) > maxLength:
		return fmt.Errorf("hub: a model's name of %d bytes is over the limit of %d", len(name), maxLength)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("hub: the model's name %q has control characters or is not UTF-8", name)
	}
	return nil
}

// pathLike reports whether name can only have been meant as a folder: no
// repository is called so.
func pathLike(name string) bool {
	repo, _, _ := strings.Cut(name, "@")
	return strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") ||
		strings.ContainsAny(name, `\:`) || strings.Count(repo, "/") > 1 || strings.HasSuffix(repo, "/")
}

// part is one half of ORG/NAME, in the hub's own rules.
var part = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$`)

// segment is what stands between the slashes of a revision.
var segment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}$`)

// splitName cuts NAME[@REVISION] and checks both. NAME may be an alias, which
// has no slash.
func splitName(name string) (repo, revision string, err error) {
	repo, revision, has := strings.Cut(name, "@")
	if !validRepo(repo) {
		return "", "", fmt.Errorf("hub: %q is neither a folder nor a model's name; a name is an alias, ORG/NAME or ORG/NAME@REVISION", name)
	}
	if has && !validRevision(revision) {
		return "", "", fmt.Errorf("hub: %q is not a revision; it is a branch, a tag or a commit, as in ORG/NAME@refs/pr/15", revision)
	}
	return repo, revision, nil
}

func validRepo(repo string) bool {
	if strings.Contains(repo, "--") || strings.Contains(repo, "..") || strings.HasSuffix(repo, ".git") {
		return false
	}
	parts := strings.Split(repo, "/")
	for _, p := range parts {
		if !part.MatchString(p) {
			return false
		}
	}
	return len(parts) <= 2
}

// validRevision also refuses what this system could not keep as a file's name.
func validRevision(revision string) bool {
	for _, s := range strings.Split(revision, "/") {
		if !segment.MatchString(s) || strings.Contains(s, "..") {
			return false
		}
	}
	return len(revision) <= 255 && filepath.IsLocal(filepath.FromSlash(revision))
}

// lastPart is the public name of a repository.
func lastPart(repo string) string { return repo[strings.LastIndexByte(repo, '/')+1:] }
