package arch

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path of the module whose packages the table places.
const module = "github.com/emblem-search/emblem"

// house is a table of rooms by their paths.
type house map[string]room

func build(rooms []room) house {
	h := house{}
	for _, r := range rooms {
		h[r.path] = r
	}
	return h
}

// allows judges one import inside the module and returns what is wrong with it.
// Of a test's imports only those count that its package does not have anyway.
func (h house) allows(from, to string, test bool) error {
	f, ok := h[from]
	if !ok {
		return fmt.Errorf("%s has no row in the table of rooms", from)
	}
	t, ok := h[to]
	if !ok {
		return fmt.Errorf("%s has no row in the table of rooms", to)
	}
	switch {
	case from == to:
		return nil
	case test && slices.Contains(f.tests, to):
		return nil
	case t.kit && !test:
		return fmt.Errorf("%s imports %s, which is for tests", from, to)
	case len(t.only) > 0 && !slices.Contains(t.only, from):
		return fmt.Errorf("%s imports %s, which is for %s only", from, to, strings.Join(t.only, ", "))
	case t.floor > f.floor:
		return fmt.Errorf("%s on floor %d imports up: %s is on floor %d", from, f.floor, to, t.floor)
	case t.floor == f.floor && !test && !slices.Contains(f.beside, to):
		return fmt.Errorf("%s imports sideways: %s is on floor %d too, and its row does not list it", from, to, t.floor)
	}
	return nil
}

// allowsOutside judges one import from outside the module. The workshop and
// tests are free.
func (h house) allowsOutside(from, to string) error {
	if h[from].floor == len(floors)-1 {
		return nil
	}
	for prefix, rooms := range outside {
		if (to == prefix || strings.HasPrefix(to, prefix+"/")) && !slices.Contains(rooms, from) {
			return fmt.Errorf("%s imports %s, which is for %s only", from, to, orNobody(rooms))
		}
	}
	return nil
}

func orNobody(rooms []string) string {
	if len(rooms) == 0 {
		return "the workshop"
	}
	return strings.Join(rooms, ", ")
}

// render prints the table as docs/architecture.md has it.
func render(rooms []room) string {
	var b strings.Builder
	b.WriteString("| floor | package | what it does | beside |\n|---|---|---|---|\n")
	for floor := len(floors) - 1; floor >= 0; floor-- {
		for _, r := range rooms {
			if r.floor == floor {
				fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", floor, r.path, r.does, code(r.beside))
			}
		}
	}
	return b.String()
}

func code(paths []string) string {
	var quoted []string
	for _, p := range paths {
		quoted = append(quoted, "`"+p+"`")
	}
	return strings.Join(quoted, " ")
}
