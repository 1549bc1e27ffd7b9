package main

import (
	"bytes"
	"fmt"
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
				Library string `json:"library"`
				Model   string `json:"model"`
			}{hit, lib, model})
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
			fmt.Fprintf(out, "%3d  %.4f  %3.0f%%  %s%s\n", hit.Rank, hit.Score, 100*hit.Probability, visible(hit.Path), alike(hit))
			if o.Explain && len(hit.Legs) > 0 {
				fmt.Fprintf(out, "     %s\n", legs(hit))
			}
		}
	}
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
