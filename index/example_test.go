package index_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/emblem-search/emblem/index"
)

// beach is an index of three pictures with vectors of two dimensions.
func beach() (*index.Index, func()) {
	dir, err := os.MkdirTemp("", "index")
	if err != nil {
		log.Fatal(err)
	}
	ix, err := index.Open(dir, index.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := ix.Define(index.Space{Name: "image", Dim: 2}); err != nil {
		log.Fatal(err)
	}
	_, err = ix.Put(context.Background(),
		index.Document{ID: "/sea.jpg", Vectors: map[string][][]float32{"image": {{1, 0}}}, Metadata: map[string]any{"caption": "waves at sunset", "year": 2024}},
		index.Document{ID: "/dune.jpg", Vectors: map[string][][]float32{"image": {{0.8, 0.6}}}, Metadata: map[string]any{"caption": "a dune", "year": 2020}},
		index.Document{ID: "/city.jpg", Vectors: map[string][][]float32{"image": {{0, 1}}}, Metadata: map[string]any{"caption": "a street at sunset", "year": 2024}},
	)
	if err != nil {
		log.Fatal(err)
	}
	return ix, func() { ix.Close(); os.RemoveAll(dir) }
}

func show(found index.Found, err error) {
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range found.Hits {
		fmt.Println(h.ID)
	}
}

func ExampleIndex_Search() {
	ix, done := beach()
	defer done()
	show(ix.Search(context.Background(), index.Query{Space: "image", Vector: []float32{1, 0.1}, Limit: 2}))
	// Output:
	// /sea.jpg
	// /dune.jpg
}

// A filter restricts a search by metadata.
func ExampleParseFilter() {
	ix, done := beach()
	defer done()
	filter, err := index.ParseFilter("year>=2024 and not path:*sea*")
	if err != nil {
		log.Fatal(err)
	}
	show(ix.Search(context.Background(), index.Query{Space: "image", Vector: []float32{1, 0.1}, Filter: filter}))
	// Output:
	// /city.jpg
}

// Words and a vector in one search: the two rankings are fused.
func ExampleIndex_Search_words() {
	ix, done := beach()
	defer done()
	show(ix.Search(context.Background(), index.Query{Space: "image", Vector: []float32{1, 0.1}, Words: "sunset", Limit: 2}))
	// Output:
	// /sea.jpg
	// /city.jpg
}

// A cursor goes on behind an answer, as of the same write: what is deleted in
// between is still there, what is new is not.
func ExampleQuery_cursor() {
	ix, done := beach()
	defer done()
	q := index.Query{Space: "image", Vector: []float32{1, 0.1}, Limit: 2}
	first, err := ix.Search(context.Background(), q)
	show(first, err)
	if _, err := ix.Delete(context.Background(), "/city.jpg"); err != nil {
		log.Fatal(err)
	}
	q.Cursor = first.Next
	show(ix.Search(context.Background(), q))
	// Output:
	// /sea.jpg
	// /dune.jpg
	// /city.jpg
}
