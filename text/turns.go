package text

import (
	"cmp"
	"slices"
)

// turns says which texts a forward pass takes at once: texts of like length, as the
// shorter ones of a pass are filled up, or computed past their end, for nothing. Where
// the model has to be given all positions, they come as they are.
func (c config) turns(texts [][]int32) [][]int {
	order := make([]int, len(texts))
	lengths := make([]int, len(texts))
	for i, ids := range texts {
		order[i], lengths[i] = i, c.length(ids)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lengths[a], lengths[b]) })
	var all [][]int
	for first := 0; first < len(order); {
		n, sum := 0, 0
		for first+n < len(order) {
			long := lengths[order[first+n]]
			sum += long
			if waste := (n+1)*long - sum; n > 0 && (n >= c.turn(long) || waste > spared && 2*waste > sum) {
				break
			}
			n++
		}
		all = append(all, order[first:first+n])
		first += n
	}
	return all
}

// spared is how many tokens it costs at least to read the weights once more.
const spared = 64

// length is how many tokens of a text are computed.
func (c config) length(ids []int32) int {
	switch {
	case c.blind:
		return len(c.seen(ids)) + c.tail()
	case c.trims():
		return c.position(ids) + 1
	}
	return c.positions
}
