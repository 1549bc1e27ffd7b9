package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/library"
)

// print writes the hits in the format that was asked for.
func (o searchOptions) print(out *bytes.Buffer, hits []library.Hit, lib, model, graphics string) {
	lines := newEncoder(out)
	for _, hit := range hits {
		switch o.Format {
		case "json":
			lines.Encode(struct {
				library.Hit
				Probability *float64 `json:"probability"`
				Library     string   `json:"library"`
				Model       string   `json:"model"`
			}{hit, known(hit.Probability), lib, model})
		case "nul":
			fmt.Fprintf(out, "%s\x00", hit.Path)
		case "paths":
			fmt.Fprintln(out, hit.Path)
		default:
			thumbnail(out, hit.Path, graphics)
			if len(o.Query.Terms) == 0 {
				fmt.Fprintf(out, "%3d  %s\n", hit.Rank, visible(hit.Path))
				continue
			}
			chance := "   ?"
			if known(hit.Probability) != nil {
				chance = fmt.Sprintf("%3.0f%%", 100*hit.Probability)
			}
			if hit.Match != nil {
				chance = fmt.Sprintf("%3.0f%%", 100**hit.Match)
			}
			fmt.Fprintf(out, "%3d  %.4f  %s  %s%s\n", hit.Rank, hit.Score, chance, visible(hit.Path), alike(hit))
			if o.Explain && len(hit.Legs) > 0 {
				fmt.Fprintf(out, "     %s\n", legs(hit))
			}
		}
	}
}

// known is a probability, or nil where nobody knows it.
func known(p float64) *float64 {
	if math.IsNaN(p) {
		return nil
	}
	return &p
}

// alike says how many near duplicates a hit stands for.
func alike(h library.Hit) string {
	if len(h.Folded) == 0 {
		return ""
	}
	return fmt.Sprintf("  and %d alike", len(h.Folded))
}

// legs says what each ranking has to say about a hit.
func legs(h library.Hit) string {
	var parts []string
	for _, l := range h.Legs {
		parts = append(parts, fmt.Sprintf("%s: rank %d, score %.4f", legName(l.Leg), l.Rank, l.Score))
	}
	return strings.Join(parts, "; ")
}

func legName(l index.Leg) string {
	if l == index.LegVector {
		return string(library.ByMeaning)
	}
	return string(l)
}

// explain says how a search was done.
func explain(f index.Found) string {
	var parts []string
	if f.Plan != "" {
		parts = append(parts, fmt.Sprintf("plan %s: %d vectors compared, %d in full; recall to be expected %.3g", f.Plan, f.Visited, f.Rescored, f.Expected))
	}
	for _, l := range f.Legs {
		parts = append(parts, fmt.Sprintf("%s: %d hits, weight %.3g", legName(l.Leg), l.Hits, l.Weight))
	}
	parts = append(parts, fmt.Sprintf("as of write %d", f.Seq))
	return strings.Join(parts, "; ")
}
