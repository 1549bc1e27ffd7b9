package index

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// Pages that need no more than some of the window are cut out of one order, whether
// words are looked for or not, and while documents change.
func TestPagesOfTiers(t *testing.T) {
	ctx := context.Background()
	b := newShelfBench(t, Space{Name: "v", Dim: 24})
	for range 20 {
		b.put(150)
	}
	b.settleDown()
	for _, q := range []Query{{Exact: true}, {Words: "nobody says this"}, {}} {
		q.Space, q.Vector, q.Floor, q.Limit, q.Fusion.Window = "v", b.vector(), -1, 20, 500
		t.Run(fmt.Sprintf("exact %v words %q", q.Exact, q.Words), func(t *testing.T) {
			var ids []string
			for page := range 15 {
				found, err := b.ix.Search(ctx, q)
				check(t, err)
				again, err := b.ix.Search(ctx, q)
				check(t, err)
				if len(found.Hits) != 20 || found.Next == "" || !slices.EqualFunc(found.Hits, again.Hits, func(a, b Hit) bool { return a.ID == b.ID }) {
					t.Fatalf("page %d: %d hits, next %q", page, len(found.Hits), found.Next)
				}
				for _, h := range found.Hits {
					ids = append(ids, h.ID)
				}
				q.Cursor = found.Next
				b.put(3)
			}
			if sorted := slices.Sorted(slices.Values(ids)); len(slices.Compact(sorted)) != 300 {
				t.Error("pages share documents")
			}
			if !q.Exact {
				return
			}
			q.Cursor, q.Limit, q.Fusion.Window = "", 300, 0
			found, err := b.ix.Search(ctx, q)
			check(t, err)
			same := 0
			for _, h := range found.Hits {
				if slices.Contains(ids, h.ID) {
					same++
				}
			}
			if same < 250 { // documents were changed since
				t.Errorf("%d of 300 pages' hits are in the whole", same)
			}
		})
	}
}
