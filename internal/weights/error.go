package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error lists everything that keeps a checkpoint from fitting a module. Names
// are the checkpoint's own.
type Error struct {
	Missing, Unused []string
	Misshapen       []string // "name has shape [2 3], want [3 3]"
}

const shown = 20 // entries of each list that the message spells out

func (e *Error) Error() string {
	var parts []string
	for _, l := range []struct {
		what string
		list []string
	}{{"missing", e.Missing}, {"wrongly shaped", e.Misshapen}, {"not used by the model", e.Unused}} {
		if n := len(l.list); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", n, l.what, spell(l.list)))
		}
	}
	return "weights: the tensors do not fit the configuration: " + strings.Join(parts, "; ")
}

func spell(list []string) string {
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}

func (e *Error) empty() bool { return len(e.Missing)+len(e.Unused)+len(e.Misshapen) == 0 }

func (e *Error) sort() {
	for _, l := range []*[]string{&e.Missing, &e.Unused, &e.Misshapen} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
}

// Join merges the errors of a folder's modules: all of their [*Error] become
// one. Any other error comes first and alone.
func Join(errs ...error) error {
	all := &Error{}
	for _, err := range errs {
		var e *Error
		switch {
		case err == nil:
		case errors.As(err, &e):
			all.Missing = append(all.Missing, e.Missing...)
			all.Unused = append(all.Unused, e.Unused...)
			all.Misshapen = append(all.Misshapen, e.Misshapen...)
		default:
			return err
		}
	}
	if all.empty() {
		return nil
	}
	all.sort()
	return all
}
