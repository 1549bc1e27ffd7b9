package library

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/emblem-search/emblem/index"
)

// pageWindow is how many hits of a query with terms pages go through, and how many of
// each ranking are fused, whatever the page. So each page is cut out of the same
// order, as of the same write, and no page has what another has; what is read and
// judged is as much as the page needs.
const pageWindow = 500

// pageStart is where a page begins.
type pageStart struct {
	seq    uint64 // the write that the first page saw, 0 for the first page
	offset int
	print  string // of the query
}

const pageForm = "1.%d.%d.%16s"

func (p pageStart) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, pageForm, p.seq, p.offset, p.print))
}

// pageStartOf reads a cursor, which has to be of this query.
func pageStartOf(cursor, print string) (pageStart, error) {
	p := pageStart{print: print}
	if cursor == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), pageForm, &p.seq, &p.offset, &p.print)
	}
	if err != nil || p.offset < 0 || p.seq == 0 || p.String() != cursor {
		return p, errorf(KindQuery, "the cursor cannot be read; take it from an answer as it is")
	}
	if p.print != print {
		return p, errorf(KindQuery, "the cursor is of another query; only the limit may change from page to page")
	}
	return p, nil
}

// print names a query and how it is asked, but for the limit and for what is told
// beside the hits.
func (o SearchOptions) print(q Query) (string, error) {
	o.Limit, o.Cursor, o.Facets = 0, "", nil
	said, err := json.Marshal([]any{q, o})
	sum := sha256.Sum256(said)
	return hex.EncodeToString(sum[:8]), err
}

// page answers with one page, and where the next one begins.
func (l *Library) page(ctx context.Context, e Embedder, q Query, o SearchOptions) (Answer, error) {
	print, err := o.print(q)
	if err != nil {
		return Answer{}, err
	}
	at, err := pageStartOf(o.Cursor, print)
	if err != nil {
		return Answer{}, err
	}
	o.asOf, o.skip = at.seq, at.offset
	a, err := l.ranked(ctx, e, q, o)
	if a.more && err == nil {
		a.Next = pageStart{max(at.seq, a.How.Seq), at.offset + o.Limit, print}.String()
	}
	return a, err
}

// listPage is a page of what passes a filter.
func (l *Library) listPage(ctx context.Context, q Query, o SearchOptions) (Answer, error) {
	keep, err := l.only(o.Paths)
	if err != nil {
		return Answer{}, err
	}
	found, err := l.ix.Select(ctx, index.Selection{Filter: q.Filter, Newest: newest, Limit: o.Limit, Keep: keep, Cursor: o.Cursor})
	if err != nil {
		return Answer{}, err
	}
	return Answer{Hits: listed(found), Next: found.Next}, nil
}
