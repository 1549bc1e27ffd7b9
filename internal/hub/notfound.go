package hub

import (
	"fmt"
	"strings"
)

// NotFound says that a model is not on this machine, and how to get it.
type NotFound struct {
	Name     string   // as asked for
	Repo     string   // ORG/NAME to pull; "" if the name is none
	Revision string   // as asked for, "" for the default
	Alias    *Alias   // what is known of it, or nil
	Cache    string   // where it was looked for
	Cached   []string // other revisions that are there
	Similar  []string // aliases that may have been meant
	Detail   string   // what is wrong, if it is not plainly absent
}

// Pull is the command line that gets the model, "" if there is none.
func (e *NotFound) Pull() string {
	if e.Repo == "" {
		return ""
	}
	rev := e.Revision
	if rev == "" && e.Alias != nil {
		rev = e.Alias.Revision
	}
	if rev != "" {
		rev = "@" + rev
	}
	return "emblem pull " + e.Repo + rev
}

func (e *NotFound) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hub: no model %q: ", e.Name)
	switch {
	case e.Detail != "":
		b.WriteString(e.Detail)
	default:
		fmt.Fprintf(&b, "no such folder, and it is not in the Hugging Face cache %s", e.Cache)
	}
	if len(e.Cached) > 0 {
		fmt.Fprintf(&b, " (there at %s; name one as %s@REVISION)", strings.Join(e.Cached, ", "), e.Repo)
	}
	if len(e.Similar) > 0 {
		fmt.Fprintf(&b, "; did you mean %s?", strings.Join(e.Similar, ", "))
	}
	if pull := e.Pull(); pull != "" {
		fmt.Fprintf(&b, "; get it with: %s", pull)
		if e.Alias != nil {
			fmt.Fprintf(&b, " (%s, %s)", e.Alias.Size(), e.Alias.Licence)
		}
	}
	return b.String()
}
