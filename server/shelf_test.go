package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/emblem-search/emblem/fusion/ask"
)

// shelf is a library in memory.
type shelf struct {
	name string
	docs map[string]Document

	corrections []ask.Correction
}

// shelves are Libraries in memory.
type shelves map[string]*shelf

func (l shelves) Names(context.Context) ([]string, error) {
	var names []string
	for n := range l {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

func (l shelves) Library(_ context.Context, name string) (Library, error) {
	if s := l[name]; s != nil {
		return s, nil
	}
	return nil, refuse(http.StatusNotFound, "library_not_found", "library", "there is no library %q", name)
}

func (l shelves) Create(_ context.Context, name string) (Library, error) {
	if l[name] == nil {
		l[name] = &shelf{name: name, docs: map[string]Document{}}
	}
	return l[name], nil
}

func (l shelves) Rename(_ context.Context, from, to string) error {
	if l[to] != nil {
		return refuse(http.StatusBadRequest, "bad_name", "name", "there is a library %q already", to)
	}
	l[from].name, l[to] = to, l[from]
	delete(l, from)
	return nil
}

func (l shelves) Remove(_ context.Context, name string) error {
	delete(l, name)
	return nil
}

func (l shelves) Folders(_ context.Context, path string) ([]Folder, error) {
	switch path {
	case "":
		return []Folder{{"/allowed", "/allowed"}}, nil
	case "/allowed":
		return []Folder{{"/allowed/good", "good"}, {"/allowed/broken", "broken"}, {"/allowed/endless", "endless"}}, nil
	}
	if strings.HasPrefix(path, "/allowed/") {
		return nil, nil
	}
	return nil, refuse(http.StatusForbidden, "folder_not_allowed", "path", "not below a --root")
}

const spaceImage = "image-2" // as after a migration

func (s *shelf) Space() string { return spaceImage }

func (s *shelf) Name() string  { return s.name }
func (s *shelf) Model() string { return "org/fake-clip" }

func (s *shelf) Fingerprint() string { return "f0f0" }

func (s *shelf) Entry(context.Context) (LibraryEntry, error) {
	return LibraryEntry{Name: s.name, Model: "org/fake-clip", Documents: len(s.docs)}, nil
}

func (s *shelf) Search(_ context.Context, f Find) (*Found, error) {
	var query []float64
	shown := map[string]bool{}
	for _, t := range f.Terms {
		v := t.Vector
		if t.Document != "" {
			d, ok := s.docs[t.Document]
			if !ok {
				return nil, refuse(http.StatusNotFound, "document_not_found", "", "no document %q", t.Document)
			}
			v, shown[t.Document] = d.Vectors[spaceImage][0], true
		}
		query = append(query, make([]float64, max(0, len(v)-len(query)))...)
		for k, x := range v {
			query[k] += t.Weight * float64(x)
		}
	}
	var hits []Hit
	for _, id := range slices.Sorted(maps.Keys(s.docs)) {
		d := s.docs[id]
		if shown[id] || !s.passes(d, f.Filter) {
			continue
		}
		h := Hit{ID: id, Path: id, Metadata: d.Metadata, Probability: 1}
		if len(f.Terms) > 0 {
			h.Score = dot(unit(query), d.Vectors[spaceImage][0])
			h.Probability = Probability((h.Score + 1) / 2)
		}
		if float64(h.Probability) >= f.MinProbability {
			hits = append(hits, h)
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	if f.Fold {
		hits = s.folded(hits)
	}
	out := &Found{Facets: s.facets(hits, f.Facets)}
	for i := range hits {
		hits[i].Rank = i + 1
	}
	at, _ := strconv.Atoi(f.Cursor)
	hits = hits[min(at, len(hits)):]
	if len(hits) > f.Limit {
		hits, out.Next = hits[:f.Limit], strconv.Itoa(at+f.Limit)
	}
	out.Hits = hits
	return out, nil
}

// passes knows filters such as (cold) and tag=cold and year:2024.
func (s *shelf) passes(d Document, filter string) bool {
	for part := range strings.SplitSeq(filter, " and ") {
		part = strings.Trim(part, "()")
		field, value, ok := strings.Cut(strings.Replace(part, "=", ":", 1), ":")
		if !ok {
			field, value = "tag", part
		}
		if part != "" && fmt.Sprint(d.Metadata[field]) != strings.Trim(value, `"`) {
			return false
		}
	}
	return true
}

func (s *shelf) near(a, b string) bool {
	return dot(s.docs[a].Vectors[spaceImage][0], s.docs[b].Vectors[spaceImage][0]) > 0.9999
}

func (s *shelf) folded(hits []Hit) (out []Hit) {
next:
	for _, h := range hits {
		for i := range out {
			if s.near(out[i].ID, h.ID) {
				out[i].Folded = append(out[i].Folded, h.ID)
				continue next
			}
		}
		out = append(out, h)
	}
	return out
}

func (s *shelf) facets(hits []Hit, fields []string) (out []Facet) {
	for _, field := range fields {
		f := Facet{Field: field, Values: []FacetValue{}}
		for _, h := range hits {
			value, ok := h.Metadata[field]
			if !ok {
				continue
			}
			f.Documents++
			text := fmt.Sprint(value)
			i := slices.IndexFunc(f.Values, func(v FacetValue) bool { return v.Value == text })
			if i < 0 {
				i, f.Values = len(f.Values), append(f.Values, FacetValue{Value: text})
			}
			f.Values[i].Documents++
		}
		slices.SortFunc(f.Values, func(a, b FacetValue) int { return cmp.Or(b.Documents-a.Documents, cmp.Compare(a.Value, b.Value)) })
		out = append(out, f)
	}
	return out
}

func (s *shelf) Facets(ctx context.Context, filter string, fields []string, top int) ([]Facet, error) {
	found, err := s.Search(ctx, Find{Filter: filter, Limit: maxLimit})
	if err != nil {
		return nil, err
	}
	if fields == nil {
		fields = []string{"tag", "year"}
	}
	out := s.facets(found.Hits, fields)
	for i := range out {
		out[i].Values = out[i].Values[:min(top, len(out[i].Values))]
	}
	return out, nil
}

func (s *shelf) Duplicates(_ context.Context, q DuplicateQuery) (*DuplicateGroups, error) {
	out := &DuplicateGroups{Space: spaceImage, Threshold: cmp.Or(q.Threshold, 0.97), Groups: []DuplicateGroup{}}
	var hits []Hit
	for _, id := range slices.Sorted(maps.Keys(s.docs)) {
		hits = append(hits, Hit{ID: id})
	}
	for _, h := range s.folded(hits) {
		if len(h.Folded) > 0 {
			out.Groups = append(out.Groups, DuplicateGroup{append([]string{h.ID}, h.Folded...), 1})
			out.Documents += 1 + len(h.Folded)
		}
	}
	out.Total = len(out.Groups)
	at, _ := strconv.Atoi(q.Cursor)
	out.Groups = out.Groups[min(at, len(out.Groups)):]
	if len(out.Groups) > q.Limit {
		out.Groups, out.Next = out.Groups[:q.Limit], strconv.Itoa(at+q.Limit)
	}
	return out, nil
}

func (s *shelf) Stats(context.Context) (any, error) {
	return map[string]any{
		"library": s.name, "model": s.Model(), "pictures": len(s.docs), "documents": len(s.docs), "gone": 0, "failed": map[string]int{"corrupt": 2}, "seq": 7, "oldest_seq": 3, "retention_seconds": 86400,
		"disk_bytes": 1234567, "roots": []string{"/p"}, "spaces": []map[string]any{{"space": spaceImage, "vectors": len(s.docs), "dim": fakeDim, "metric": "cosine"}},
	}, nil
}

func (s *shelf) Verify(context.Context) (any, error) {
	return map[string]any{"library": s.name, "sound": true, "documents": len(s.docs), "vectors": len(s.docs), "findings": []string{}, "derived": []string{}}, nil
}

func (s *shelf) Put(_ context.Context, docs []Document) ([]Outcome, error) {
	var out []Outcome
	for _, d := range docs {
		status := "created"
		if _, had := s.docs[d.ID]; had {
			status = "updated"
		}
		s.docs[d.ID] = d
		out = append(out, Outcome{ID: d.ID, Status: status})
	}
	return out, nil
}

func (s *shelf) Delete(_ context.Context, ids []string) ([]Outcome, error) {
	var out []Outcome
	for _, id := range ids {
		status := "unchanged"
		if _, had := s.docs[id]; had {
			status = "deleted"
		}
		delete(s.docs, id)
		out = append(out, Outcome{ID: id, Status: status})
	}
	return out, nil
}

func (s *shelf) Picture(_ context.Context, id string) (io.ReadCloser, error) {
	if _, ok := s.docs[id]; !ok {
		return nil, refuse(http.StatusNotFound, "document_not_found", "id", "there is no document %q", id)
	}
	return io.NopCloser(bytes.NewReader(red)), nil
}

func (s *shelf) Index(path string) (func(context.Context, func(done, total int)) (any, error), error) {
	if !strings.HasPrefix(path, "/allowed") {
		return nil, refuse(http.StatusForbidden, "folder_not_allowed", "path", "not below a --root")
	}
	return func(ctx context.Context, progress func(done, total int)) (any, error) {
		progress(1, 2)
		if strings.HasSuffix(path, "broken") {
			return nil, errors.New("a secret of the inside")
		}
		if strings.HasSuffix(path, "endless") {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		progress(2, 2)
		return map[string]int{"added": 2}, nil
	}, nil
}

func (s *shelf) Fields(context.Context, int) ([]Field, error) {
	return []Field{{Name: "name", Documents: len(s.docs)}, {Name: "tag", Documents: len(s.docs), Examples: []string{"cold"}}, {Name: "year", Documents: len(s.docs), Examples: []string{"2024"}}}, nil
}
