package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// plain is what library apply is held to: a map, and the answers that it gives.
type plain struct {
	rng      *rand.Rand
	ids      int // that are used
	defined  bool
	docs     map[string]plainDoc
	expect   []func(got map[string]any) error // of the lines since the last judgement
	failures int
}

type plainDoc struct {
	vectors  [][]float64
	metadata map[string]any
	hidden   bool
}

func newPlain(rng *rand.Rand) *plain {
	return &plain{rng: rng, ids: []int{10, 40, 400}[rng.IntN(3)], docs: map[string]plainDoc{}}
}

type object = map[string]any

// next is a random line. What is expected of its result is kept.
func (m *plain) next() object {
	if !m.defined {
		m.defined = true
		m.status("created")
		return object{"op": "space", "dim": 5}
	}
	id := fmt.Sprint("doc/", m.rng.IntN(m.ids))
	switch n := m.rng.IntN(20); {
	case n < 8:
		return m.put(id)
	case n < 10:
		return m.meta(id)
	case n < 12:
		return m.delete(id)
	case n < 13:
		return m.deleteTag()
	case n < 15:
		return m.get(id)
	case n < 19:
		return m.search()
	default:
		return m.bad(id)
	}
}

func (m *plain) status(want string) {
	m.expect = append(m.expect, func(got object) error {
		if got["status"] != want {
			return fmt.Errorf("status %v, want %q", got["status"], want)
		}
		return nil
	})
}

func (m *plain) vector() []float64 {
	v := make([]float64, 5)
	for i := range v {
		v[i] = math.Round(m.rng.NormFloat64()*1e3) / 1e3
	}
	v[0] += 0.0001 // not zero
	return v
}

func (m *plain) facts() object {
	o := object{}
	if m.rng.IntN(3) > 0 {
		o["tag"] = []string{"sea", "snow"}[m.rng.IntN(2)]
	}
	if m.rng.IntN(2) > 0 {
		o["year"] = float64(2000 + m.rng.IntN(25))
	}
	return o
}

func (m *plain) put(id string) object {
	doc := plainDoc{metadata: m.facts(), hidden: m.rng.IntN(6) == 0}
	old, had := m.docs[id]
	if had && m.rng.IntN(4) == 0 {
		doc.vectors = old.vectors
	} else {
		for range m.rng.IntN(3) {
			doc.vectors = append(doc.vectors, m.vector())
		}
	}
	switch {
	case !had:
		m.status("created")
	case reflect.DeepEqual(old, doc):
		m.status("unchanged")
	default:
		m.status("updated")
	}
	m.docs[id] = doc
	line := object{"op": "put", "id": id, "metadata": doc.metadata}
	if doc.hidden {
		line["hidden"] = true
	}
	switch {
	case len(doc.vectors) == 1 && m.rng.IntN(2) == 0:
		line["vector"] = doc.vectors[0]
	case len(doc.vectors) > 0:
		line["vectors"] = object{"default": doc.vectors}
	}
	return line
}

func (m *plain) meta(id string) object {
	line := object{"op": "meta", "id": id, "metadata": m.facts()}
	doc, had := m.docs[id]
	if !had {
		m.failures++
		m.status("error")
		return line
	}
	old := doc
	doc.metadata = line["metadata"].(object)
	if m.rng.IntN(3) == 0 {
		doc.hidden = m.rng.IntN(2) == 0
		line["hidden"] = doc.hidden
	}
	if reflect.DeepEqual(old, doc) {
		m.status("unchanged")
	} else {
		m.status("updated")
	}
	m.docs[id] = doc
	return line
}

func (m *plain) delete(id string) object {
	if _, had := m.docs[id]; had {
		m.status("deleted")
	} else {
		m.status("unchanged")
	}
	delete(m.docs, id)
	return object{"op": "delete", "id": id}
}

func (m *plain) deleteTag() object {
	n := 0.0
	for id, d := range m.docs {
		if year, ok := d.metadata["year"].(float64); ok && year < 2003 && d.metadata["tag"] == "sea" && !d.hidden {
			delete(m.docs, id)
			n++
		}
	}
	m.expect = append(m.expect, func(got object) error {
		if got["deleted"] != n {
			return fmt.Errorf("deleted %v, want %v", got["deleted"], n)
		}
		return nil
	})
	return object{"op": "delete", "filter": "tag:sea and year<2003"}
}

func (m *plain) get(id string) object {
	doc, had := m.docs[id]
	m.expect = append(m.expect, func(got object) error {
		if !had {
			if got["status"] != "missing" {
				return fmt.Errorf("status %v, want missing", got["status"])
			}
			return nil
		}
		meta, _ := got["metadata"].(object)
		hidden, _ := got["hidden"].(bool)
		if !maps.Equal(meta, doc.metadata) || hidden != doc.hidden {
			return fmt.Errorf("want %v", doc)
		}
		var stored []any
		if v, ok := got["vectors"].(object); ok {
			stored = v["default"].([]any)
		}
		if len(stored) != len(doc.vectors) {
			return fmt.Errorf("%d vectors, want %d", len(stored), len(doc.vectors))
		}
		return nil
	})
	return object{"op": "get", "id": id}
}

// scores are those of all documents that a search may find.
func (m *plain) scores(query []float64, year float64) map[string]float64 {
	out := map[string]float64{}
	for id, d := range m.docs {
		y, dated := d.metadata["year"].(float64)
		if d.hidden || len(d.vectors) == 0 || year > 0 && !(dated && y >= year) {
			continue
		}
		best := math.Inf(-1)
		for _, v := range d.vectors {
			best = max(best, plainCosine(query, v))
		}
		out[id] = best
	}
	return out
}

func plainCosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

func (m *plain) search() object {
	query, limit := m.vector(), 1+m.rng.IntN(12)
	line := object{"op": "search", "vector": query, "limit": limit}
	year := 0.0
	if m.rng.IntN(2) == 0 {
		year = float64(2000 + m.rng.IntN(25))
		line["filter"] = fmt.Sprintf("year>=%v", year)
	}
	scores := m.scores(query, year)
	m.expect = append(m.expect, func(got object) error { return judgeHits(got, scores, limit) })
	return line
}

const scoreError = 1e-5

// judgeHits compares hits with the scores of all that may be found.
func judgeHits(got object, scores map[string]float64, limit int) error {
	hits, _ := got["hits"].([]any)
	if len(hits) != min(limit, len(scores)) {
		return fmt.Errorf("%d hits of %d, limit %d", len(hits), len(scores), limit)
	}
	order := slices.Sorted(maps.Values(scores))
	slices.Reverse(order)
	seen := map[string]bool{}
	for i, h := range hits {
		hit := h.(object)
		id, score := hit["id"].(string), hit["score"].(float64)
		want, may := scores[id]
		if !may || seen[id] || math.Abs(score-want) > scoreError || math.Abs(score-order[i]) > scoreError || hit["rank"] != float64(i+1) {
			return fmt.Errorf("hit %d is %v; its score is %v, the one of that rank %v", i+1, hit, want, order[i])
		}
		seen[id] = true
	}
	return nil
}

func (m *plain) bad(id string) object {
	m.failures++
	m.status("error")
	return []object{
		{"op": "put", "id": id, "vector": []int{1, 2}},
		{"op": "put", "id": id, "vector": []int{0, 0, 0, 0, 0}},
		{"op": "get", "name": id},
		{"op": "drop", "id": id},
		{"op": "search", "vector": []int{1, 2, 3, 4, 5}, "filter": "("},
	}[m.rng.IntN(5)]
}

// judge compares the results with what was expected of them.
func (m *plain) judge(t *testing.T, where string, results []string) {
	t.Helper()
	if len(results) != len(m.expect) {
		t.Fatalf("%s: %d results for %d lines", where, len(results), len(m.expect))
	}
	for i, text := range results {
		var got object
		err := json.Unmarshal([]byte(text), &got)
		if err == nil {
			err = m.expect[i](got)
		}
		if err != nil {
			t.Fatalf("%s, line %d: %s: %v", where, i+1, text, err)
		}
	}
	m.expect, m.failures = nil, 0
}
