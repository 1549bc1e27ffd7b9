package indextest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// History is a random history of a store: writes, searches, restarts, power
// cuts. Seed decides all of it.
type History struct {
	Seed  uint64
	Steps int
	Only  []int // numbers of the steps to take; nil means all
}

// Run compares a store with the model through a history. place returns an empty
// place. On failure the history is made as short as it can be while it fails.
func (h History) Run(t *testing.T, place func() Place) {
	t.Helper()
	steps, err := h.find(place)
	if err == nil {
		return
	}
	var told strings.Builder
	for _, i := range steps {
		fmt.Fprintf(&told, "%d: %v\n", i, stepAt(h.Seed, i))
	}
	t.Fatalf("seed %d, steps %v: %v\n%s", h.Seed, steps, err, told.String())
}

// find returns a short history that fails, and how, if this one does.
func (h History) find(place func() Place) ([]int, error) {
	steps := h.Only
	if steps == nil {
		for i := range h.Steps {
			steps = append(steps, i)
		}
	}
	at, err := h.replay(place(), steps)
	if err == nil {
		return nil, nil
	}
	return h.shrink(place, steps[:at+1], err)
}

// replay takes the steps and returns the place in steps of the one that failed.
func (h History) replay(p Place, steps []int) (at int, err error) {
	r := &runner{place: p, model: NewModel()}
	if r.store, err = p.Open(); err != nil {
		return 0, err
	}
	for at, i := range steps {
		if err := r.take(stepAt(h.Seed, i)); err != nil {
			r.store.Close()
			return at, fmt.Errorf("step %d: %w", i, err)
		}
	}
	return len(steps) - 1, r.store.Close()
}

// mostTries bounds the replays that make a failing history short.
const mostTries = 200

// shrink leaves out steps, many at once at first, as long as what is left fails.
func (h History) shrink(place func() Place, steps []int, err error) ([]int, error) {
	tries := 0
	for size := len(steps) / 2; size > 0; size /= 2 {
		for at := 0; at < len(steps) && tries < mostTries; tries++ {
			fewer := slices.Concat(steps[:at], steps[min(at+size, len(steps)):])
			last, failed := h.replay(place(), fewer)
			if failed == nil {
				at += size
				continue
			}
			steps, err = fewer[:min(last+1, len(fewer))], failed
		}
	}
	return steps, err
}
