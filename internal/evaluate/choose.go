package evaluate

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// twins: whether each of two pictures prefers its own caption.
func (m *measure) twins(ctx context.Context, style string) error {
	right := map[string][]float64{}
	for _, t := range m.set.Twins {
		if t.Style != style {
			continue
		}
		p, w, err := m.both(ctx, t.Tiles[:], t.Texts[:])
		if err != nil {
			return err
		}
		right[t.Kind] = append(right[t.Kind], truth(dot(p[0], w[0]) > dot(p[0], w[1])), truth(dot(p[1], w[1]) > dot(p[1], w[0])))
	}
	for _, kind := range slices.Sorted(maps.Keys(right)) {
		m.row("twins, "+kind+": the right text", style, right[kind], .5)
	}
	return nil
}

// choices: whether a picture prefers the true one of some texts.
func (m *measure) choices(ctx context.Context, style string) error {
	right, of := map[string][]float64{}, map[string]int{}
	for _, c := range m.set.Choices {
		if c.Style != style {
			continue
		}
		p, w, err := m.both(ctx, []int{c.Tile}, c.Texts)
		if err != nil {
			return err
		}
		right[c.Kind] = append(right[c.Kind], truth(best(p[0], w)[0] == c.Right))
		of[c.Kind] = len(c.Texts)
	}
	for _, kind := range slices.Sorted(maps.Keys(right)) {
		m.row(fmt.Sprintf("%s of %d", kind, of[kind]), style, right[kind], 1/float64(of[kind]))
	}
	return nil
}
