package index

import "slices"

// group keeps the best hit of each group: of the documents with the same first value in
// the query's field. Documents without one are groups of their own.
func (c *composer) group(list []pick) ([]pick, error) {
	at := map[string]int{}
	var out []pick
	for _, p := range list {
		rec, _, err := c.m.record(p.ord)
		if err != nil {
			return nil, err
		}
		values := c.ix.factOf(p.ord, rec.ID, rec.Metadata).values(canonicalField(c.q.GroupBy))
		if len(values) == 0 {
			p.size = 1
			out = append(out, p)
			continue
		}
		first := slices.MinFunc(values, compareValues)
		if p.group = first.text; first.kind != text {
			p.group = first.String()
		}
		i, known := at[p.group]
		if !known {
			i, at[p.group] = len(out), len(out)
			out = append(out, p)
		}
		out[i].size++
	}
	return out, nil
}
