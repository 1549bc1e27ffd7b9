package hub

import (
	"fmt"
	"strings"
)

// Ref is a repository to pull.
type Ref struct {
	Repo     string // ORG/NAME
	Revision string // as asked for, "" for the default
	Alias    *Alias // what is known of it, or nil
}

func (r Ref) String() string {
	if r.Revision == "" {
		return r.Repo
	}
	return r.Repo + "@" + r.Revision
}

// ParseRef reads ORG/NAME, ORG/NAME@REVISION or an alias. It asks nobody.
func ParseRef(name string) (Ref, error) {
	if err := checkText(name); err != nil {
		return Ref{}, err
	}
	if strings.HasPrefix(name, "builtin/") {
		return Ref{}, fmt.Errorf("hub: %s is a part of the program; there is nothing to pull", name)
	}
	repo, revision, err := splitName(name)
	if err != nil {
		return Ref{}, err
	}
	alias := aliasOf(repo)
	if alias != nil {
		repo = alias.Repo
	}
	if !strings.Contains(repo, "/") {
		return Ref{}, &NotFound{Name: name, Detail: "no alias has that name, and a repository is named ORG/NAME", Similar: similar(repo)}
	}
	return Ref{Repo: repo, Revision: revision, Alias: alias}, nil
}
