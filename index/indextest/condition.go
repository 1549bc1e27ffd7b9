package indextest

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// condition is a filter's text and what it means, without the parser's help.
type condition struct {
	text  string
	holds func(index.Document) bool
}

var (
	colours = []string{"red", "green", "blue"}
	tags    = []string{"beach", "dog", "sun"}
)

const (
	numbers = 20
	folders = 3
	names   = 40
)

// randomMetadata makes the metadata that conditions ask for; any of it may be
// absent.
func randomMetadata(r *rand.Rand) map[string]any {
	m := map[string]any{}
	if r.IntN(5) > 0 {
		m["n"] = int64(r.IntN(numbers))
	}
	if r.IntN(3) > 0 {
		m["colour"] = colours[r.IntN(len(colours))]
	}
	if r.IntN(3) > 0 {
		m["tag"] = slices.Clone(tags[:1+r.IntN(len(tags))])
	}
	if r.IntN(8) == 0 {
		m["half"], m["yes"] = float64(r.IntN(9))+0.5, true
	}
	return m
}

// randomID returns one of folders × names ids.
func randomID(r *rand.Rand) string {
	if r.IntN(40) == 0 {
		return fmt.Sprintf("/d0/\xff%d", r.IntN(3)) // file names need not be UTF-8
	}
	return fmt.Sprintf("/d%d/%02d", r.IntN(folders), r.IntN(names))
}

// randomCondition joins up to 2^depth simple ones.
func randomCondition(r *rand.Rand, depth int) condition {
	if depth == 0 || r.IntN(3) == 0 {
		return simpleCondition(r)
	}
	a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
	switch r.IntN(3) {
	case 0:
		return condition{"(" + a.text + " and " + b.text + ")", func(d index.Document) bool { return a.holds(d) && b.holds(d) }}
	case 1:
		return condition{"(" + a.text + " or " + b.text + ")", func(d index.Document) bool { return a.holds(d) || b.holds(d) }}
	}
	return condition{"not " + a.text, func(d index.Document) bool { return !a.holds(d) }}
}

func simpleCondition(r *rand.Rand) condition {
	switch r.IntN(6) {
	case 0:
		return numberCondition(r)
	case 1:
		a, b := int64(r.IntN(numbers)), int64(r.IntN(numbers))
		return condition{fmt.Sprintf("n in(%d,%d)", a, b), numberHolds(func(n int64) bool { return n == a || n == b })}
	case 2:
		colour := colours[r.IntN(len(colours))]
		return condition{"colour:" + strings.ToUpper(colour), func(d index.Document) bool { return d.Metadata["colour"] == colour }}
	case 3:
		tag := tags[r.IntN(len(tags))]
		return condition{tag, func(d index.Document) bool {
			list, _ := d.Metadata["tag"].([]string)
			return slices.Contains(list, tag)
		}}
	case 4:
		name := fmt.Sprintf("%02d", r.IntN(names))
		return condition{"name=" + name, func(d index.Document) bool { return path.Base(d.ID) == name }}
	}
	return condition{"half:*", func(d index.Document) bool { return d.Metadata["half"] != nil }}
}

func numberCondition(r *rand.Rand) condition {
	k := int64(r.IntN(numbers))
	i := r.IntN(4)
	op := []string{"=", "!=", "<", ">="}[i]
	return condition{fmt.Sprint("n", op, k), numberHolds(func(n int64) bool {
		return []bool{n == k, n != k, n < k, n >= k}[i]
	})}
}

func numberHolds(f func(int64) bool) func(index.Document) bool {
	return func(d index.Document) bool {
		n, ok := d.Metadata["n"].(int64)
		return ok && f(n)
	}
}
