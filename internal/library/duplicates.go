package library

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// DuplicateOptions say which documents are nearly the same. The zero value is right.
type DuplicateOptions struct {
	Threshold float64 // cosine from which two are; 0 means 0.97
	Space     string  // whose vectors are compared; "" means Space's, or the only one
	Limit     int     // groups of a page; 0 means all
	Cursor    string  // Duplicates.Next of the page before
}

// Duplicates are groups of documents that are nearly the same.
type Duplicates struct {
	Library   string           `json:"library"`
	Space     string           `json:"space"`
	Threshold float64          `json:"threshold"`
	Groups    []DuplicateGroup `json:"groups"`
	Total     int              `json:"total_groups"`    // of all pages
	Documents int              `json:"total_documents"` // in them
	Next      string           `json:"next_cursor,omitempty"`
}

// A DuplicateGroup is documents, the earliest first, each of which is near to
// another.
type DuplicateGroup struct {
	IDs   []string `json:"ids"`
	Least float64  `json:"least_cosine"` // that joined two of them
}

// grouping is all groups as of one write. A few are kept, so that the pages of one
// answer fit together and are computed once.
type grouping struct {
	space     string
	threshold float64
	seq       uint64
	groups    []DuplicateGroup
	documents int
}

const groupingsKept = 4

// Duplicates finds the documents that are nearly the same, the largest groups first.
// A cursor whose library was written to is good as long as its answer is among the
// last few.
func (l *Library) Duplicates(ctx context.Context, o DuplicateOptions) (Duplicates, error) {
	if o.Threshold == 0 {
		o.Threshold = NearDuplicate
	}
	if !(o.Threshold >= leastDuplicate && o.Threshold <= 1) {
		return Duplicates{}, errorf(KindQuery, "the threshold is %v; use a cosine between %v and 1, such as %v", o.Threshold, leastDuplicate, NearDuplicate)
	}
	space, err := l.comparedSpace(o.Space)
	if err != nil {
		return Duplicates{}, err
	}
	o.Space = space
	out := Duplicates{Library: l.name, Space: space, Threshold: o.Threshold, Groups: []DuplicateGroup{}}
	if space == "" {
		return out, nil // no vectors yet
	}
	g, at, err := l.groupingOf(ctx, o)
	if err != nil {
		return Duplicates{}, err
	}
	out.Total, out.Documents = len(g.groups), g.documents
	list := g.groups[min(at, len(g.groups)):]
	if o.Limit > 0 && len(list) > o.Limit {
		list = list[:o.Limit]
		out.Next = g.cursor(at + o.Limit)
	}
	out.Groups = append(out.Groups, list...)
	return out, nil
}

// leastDuplicate keeps a threshold from joining nearly everything, which would take
// for ever.
const leastDuplicate = 0.5

// comparedSpace is the space that is meant, "" if there is none yet.
func (l *Library) comparedSpace(named string) (string, error) {
	spaces := l.ix.Spaces()
	has := func(name string) bool {
		return slices.ContainsFunc(spaces, func(s index.Space) bool { return s.Name == name })
	}
	switch own := l.Space(); {
	case named != "" && !has(named):
		return "", errorf(KindQuery, "library %q has no space %q", l.name, named)
	case named != "":
		return named, nil
	case has(own):
		return own, nil
	case len(spaces) == 1:
		return spaces[0].Name, nil
	case len(spaces) == 0:
		return "", nil
	}
	return "", errorf(KindQuery, "library %q has several spaces; name one of them", l.name)
}

const groupingForm = "1.%d.%d"

func (g *grouping) cursor(at int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, groupingForm, g.seq, at))
}

// groupingOf returns the groups that are asked for and where the page begins. One is
// computed at a time.
func (l *Library) groupingOf(ctx context.Context, o DuplicateOptions) (g *grouping, at int, err error) {
	seq, err := l.seqOf(o.Cursor, &at)
	if err != nil {
		return nil, 0, err
	}
	select {
	case l.groupingTurn <- struct{}{}:
		defer func() { <-l.groupingTurn }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	for _, g := range l.groupings {
		if g.space == o.Space && g.threshold == o.Threshold && g.seq == seq {
			return g, at, nil
		}
	}
	if o.Cursor != "" {
		return nil, 0, fmt.Errorf("library: the groups of that cursor are not kept any more: %w", index.ErrTrimmed)
	}
	if g, err = l.group(ctx, o, seq); err != nil {
		return nil, 0, err
	}
	l.groupings = append(l.groupings, g)
	l.groupings = l.groupings[max(0, len(l.groupings)-groupingsKept):]
	return g, 0, nil
}

// seqOf is the write that an answer is about: the cursor's, else the last.
func (l *Library) seqOf(cursor string, at *int) (seq uint64, err error) {
	if cursor == "" {
		return l.ix.Seq(), nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), groupingForm, &seq, at)
	}
	if err != nil || *at < 0 || (&grouping{seq: seq}).cursor(*at) != cursor {
		return 0, errorf(KindQuery, "the cursor cannot be read; take it from an answer as it is")
	}
	return seq, nil
}

// group computes all groups.
func (l *Library) group(ctx context.Context, o DuplicateOptions, seq uint64) (*grouping, error) {
	g := &grouping{space: o.Space, threshold: o.Threshold, seq: seq}
	for d, err := range l.ix.Duplicates(ctx, o.Space, float32(o.Threshold)) {
		if err != nil {
			return nil, err
		}
		g.groups = append(g.groups, DuplicateGroup{d.IDs, round(float64(d.Least), 1e6)})
		g.documents += len(d.IDs)
	}
	slices.SortStableFunc(g.groups, func(a, b DuplicateGroup) int { return len(b.IDs) - len(a.IDs) })
	return g, nil
}
