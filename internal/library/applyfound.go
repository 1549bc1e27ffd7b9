package library

import "github.com/emblem-search/emblem/index"

// searchResult is an index.Found as a line.
type searchResult struct {
	Op       string      `json:"op"`
	Hits     []searchHit `json:"hits"`
	Legs     []searchLeg `json:"legs,omitempty"`
	Facets   []Facet     `json:"facets,omitempty"`
	Plan     index.Plan  `json:"plan,omitempty"`    // how vectors were searched
	Visited  int         `json:"visited,omitempty"` // vectors compared
	Rescored int         `json:"rescored,omitempty"`
	Expected float64     `json:"expected_recall,omitempty"`
	Seq      uint64      `json:"seq,omitempty"` // the write up to which everything was seen
	Next     string      `json:"next_cursor,omitempty"`
}

type searchHit struct {
	Rank      int              `json:"rank"` // from 1
	ID        string           `json:"id"`
	Score     float32          `json:"score"`
	Metadata  map[string]any   `json:"metadata,omitempty"`
	Legs      []HitLeg         `json:"legs,omitempty"`
	Folded    []string         `json:"folded,omitempty"`
	Group     string           `json:"group,omitempty"`
	GroupSize int              `json:"group_size,omitempty"`
	Fragments []searchFragment `json:"fragments,omitempty"`
}

type searchLeg struct {
	Leg    index.Leg `json:"leg"`
	Hits   int       `json:"hits"`
	Total  int       `json:"total"`
	Weight float64   `json:"weight"`
}

type searchFragment struct {
	Field string   `json:"field"`
	Text  string   `json:"text"`
	Marks [][2]int `json:"marks"` // bytes of the text, from and to
}

func newSearchResult(f index.Found) searchResult {
	r := searchResult{Op: "search", Hits: make([]searchHit, len(f.Hits)), Plan: f.Plan, Visited: f.Visited, Rescored: f.Rescored,
		Expected: f.Expected, Seq: f.Seq, Next: f.Next}
	for i, h := range f.Hits {
		r.Hits[i] = searchHit{Rank: i + 1, ID: h.ID, Score: h.Score, Metadata: h.Metadata, Folded: h.Folded, Group: h.Group, GroupSize: h.GroupSize}
		for _, l := range h.Legs {
			r.Hits[i].Legs = append(r.Hits[i].Legs, HitLeg(l))
		}
		for _, p := range h.Fragments {
			part := searchFragment{p.Field, p.Text, [][2]int{}}
			for _, m := range p.Marks {
				part.Marks = append(part.Marks, [2]int{m.Start, m.End})
			}
			r.Hits[i].Fragments = append(r.Hits[i].Fragments, part)
		}
	}
	for _, l := range f.Legs {
		r.Legs = append(r.Legs, searchLeg(l))
	}
	r.Facets = facets(f.Facets)
	return r
}
