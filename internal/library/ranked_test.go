package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/index"
)

// crowd has 700 documents of shades of red, some with words, in a library of the
// model's: more than a window holds.
func crowd(t *testing.T) *bench {
	b := gallery(t)
	var docs []index.Document
	for i := range 700 {
		d := index.Document{ID: fmt.Sprintf("/doc/%03d", i), Metadata: map[string]any{"year": int64(2000 + i%3), "tag": []string{"odd", "even"}[i%2]}}
		d.Vectors = map[string][][]float32{spaceImage: {colourVector(1, 0.5+0.0005*float64(i), 0.2*float64(i%7)/7)}}
		if i%5 == 0 {
			d.Metadata["caption"] = "a red kite"
		}
		docs = append(docs, d)
	}
	_, err := b.lib().Put(context.Background(), docs...)
	must(t, err)
	return b
}

// TestPagesFit: whatever the size of its pages an answer is the same, folded, grouped
// and spread too.
func TestPagesFit(t *testing.T) {
	b := crowd(t)
	for name, o := range map[string]SearchOptions{
		"meaning": {By: ByMeaning}, "both": {By: ByBoth}, "words": {By: ByWords}, "fold": {By: ByBoth, Fold: true}, "likely": {By: ByBoth, MinProbability: 0.2},
		"likely folded": {By: ByMeaning, Fold: true, MinProbability: 0.2}, "groups": {By: ByBoth, GroupBy: "caption"}, "diverse": {By: ByMeaning, Diversity: 0.4},
	} {
		q, err := ParseQuery("red kite")
		must(t, err)
		o.Pages = true
		whole := b.allPages(q, o, 1000)
		if len(whole) == 0 || len(whole) > pageWindow {
			t.Fatalf("%s: %d hits", name, len(whole))
		}
		if got := b.allPages(q, o, 37); !slices.Equal(got, whole) {
			t.Errorf("%s: pages of 37 have %d hits, others than the %d at once", name, len(got), len(whole))
		}
	}
}

func (b *bench) allPages(q Query, o SearchOptions, limit int) (paths []string) {
	for o.Limit = limit; ; {
		a, err := b.lib().Find(context.Background(), b.model, q, o)
		must(b.t, err)
		for _, h := range a.Hits {
			paths = append(paths, h.Path+fmt.Sprint(h.Folded, h.Group))
		}
		if o.Cursor = a.Next; o.Cursor == "" {
			return paths
		}
	}
}

// TestGroupsAndFacets finds each value once, and counts values.
func TestGroupsAndFacets(t *testing.T) {
	b := crowd(t)
	q, err := ParseQuery("red")
	must(t, err)
	q.Filter, err = index.ParseFilter("year>=2001 and tag:odd")
	must(t, err)
	a, err := b.lib().Find(context.Background(), b.model, q, SearchOptions{Pages: true, Limit: 10, GroupBy: "year", Facets: []string{"tag", "year"}})
	must(t, err)
	if len(a.Hits) != 2 || a.Hits[0].Group == a.Hits[1].Group || a.Hits[0].GroupSize < 100 {
		t.Errorf("hits %+v", a.Hits)
	}
	a, err = b.lib().Find(context.Background(), b.model, q, SearchOptions{Pages: true, Limit: 10, Facets: []string{"tag", "year"}})
	must(t, err)
	if len(a.Facets) != 2 || len(a.Facets[0].Values) != 1 || a.Facets[0].Values[0] != (FacetValue{"odd", 233}) || len(a.Facets[1].Values) != 2 {
		t.Errorf("facets of what was found: %+v", a.Facets)
	}
	alone, err := b.lib().Facets(context.Background(), q.Filter, []string{"year"}, 1)
	must(t, err)
	if len(alone) != 1 || alone[0].Documents != 233 || len(alone[0].Values) != 1 || alone[0].Values[0].Documents != 117 {
		t.Errorf("facets alone: %+v", alone)
	}
	listed, err := b.lib().Find(context.Background(), nil, Query{Filter: q.Filter}, SearchOptions{Pages: true, Limit: 10, Facets: []string{"year"}})
	must(t, err)
	if len(listed.Facets) != 1 || listed.Facets[0].Documents != 233 || len(listed.Hits) != 10 {
		t.Errorf("facets of a list: %+v", listed.Facets)
	}
	if _, err = b.lib().Find(context.Background(), nil, Query{}, SearchOptions{GroupBy: "year"}); err == nil {
		t.Error("a list was grouped")
	}
}

// TestDuplicates pages through the groups as they were, and refuses what is no cursor.
func TestDuplicates(t *testing.T) {
	b := gallery(t)
	lib, ctx := b.lib(), context.Background()
	all, err := lib.Duplicates(ctx, DuplicateOptions{})
	must(t, err)
	if all.Total != 3 || all.Documents != 12 || len(all.Groups[0].IDs) != 4 || all.Groups[0].Least < NearDuplicate || all.Space != spaceImage {
		t.Fatalf("got %+v", all)
	}
	first, err := lib.Duplicates(ctx, DuplicateOptions{Limit: 2})
	must(t, err)
	_, err = lib.Put(ctx, index.Document{ID: "x", Vectors: map[string][][]float32{spaceImage: {colourVector(1, 0, 0)}}})
	must(t, err)
	second, err := lib.Duplicates(ctx, DuplicateOptions{Limit: 2, Cursor: first.Next})
	must(t, err)
	if len(first.Groups) != 2 || len(second.Groups) != 1 || second.Next != "" || second.Documents != 12 || !slices.Equal(second.Groups[0].IDs, all.Groups[2].IDs) {
		t.Errorf("pages %+v and %+v", first, second)
	}
	if now, err := lib.Duplicates(ctx, DuplicateOptions{}); err != nil || now.Documents != 13 || len(now.Groups[0].IDs) != 5 {
		t.Errorf("after a write: %+v, %v", now, err)
	}
	for i := range groupingsKept {
		_, err := lib.Duplicates(ctx, DuplicateOptions{Threshold: 0.9 + 0.01*float64(i)})
		must(t, err)
	}
	if _, err := lib.Duplicates(ctx, DuplicateOptions{Limit: 2, Cursor: first.Next}); !errors.Is(err, index.ErrTrimmed) {
		t.Errorf("a cursor of long ago: %v", err)
	}
	for o, words := range map[DuplicateOptions]string{{Threshold: 0.2}: "between", {Space: "none"}: "no space", {Cursor: "rubbish"}: "cursor"} {
		if _, err := lib.Duplicates(ctx, o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
