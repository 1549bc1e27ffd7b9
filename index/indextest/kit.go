package indextest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/index"
)

// Space is the space that the kit's documents have vectors in.
var Space = index.Space{Name: "image", Dim: 24, Encoder: "kit", Fingerprint: "1"}

// Run checks a store. open returns the store in dir, as it was left by the last
// Close.
func Run(t *testing.T, open func(t *testing.T, dir string) Store) {
	for name, test := range map[string]func(*testing.T, func() Store){
		"Replace": testReplace, "Ties": testTies, "Items": testItems,
		"Spaces": testSpaces, "Several": testSeveral, "Filter": testFilter,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			test(t, func() Store { return open(t, dir) })
		})
	}
	t.Run("Random", func(t *testing.T) {
		History{Seed: 5, Steps: 1500}.Run(t, func() Place { return folder{t, t.TempDir(), open} })
	})
}

// folder is a place on the disk.
type folder struct {
	t    *testing.T
	dir  string
	open func(*testing.T, string) Store
}

func (f folder) Open() (Store, error) { return f.open(f.t, f.dir), nil }

// Vector returns a random direction.
func Vector(r *rand.Rand) []float32 {
	v := make([]float32, Space.Dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// Doc makes a document with one vector.
func Doc(id string, v []float32) index.Document {
	return index.Document{ID: id, Vectors: map[string][][]float32{Space.Name: {v}}}
}

func testReplace(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	r := rand.New(rand.NewPCG(1, 1))
	a, b := Vector(r), Vector(r)
	id := "/x/\xff\x00é" // file names need not be UTF-8
	d := Doc(id, a)
	d.Metadata = map[string]any{"name": "ä", "n": int64(1) << 60, "f": 0.5, "yes": true, "tags": []string{"p", "q"}}
	wantStatus(t, apply(t, s, index.Put, d), index.Created)
	wantStatus(t, apply(t, s, index.Put, d), index.Unchanged)
	first := get(t, s, id)
	if !reflect.DeepEqual(first.Metadata, d.Metadata) {
		t.Errorf("metadata came back as %#v, want %#v", first.Metadata, d.Metadata)
	}
	wantStatus(t, apply(t, s, index.Update, index.Document{ID: id, Hidden: true}), index.Updated)
	if hits := search(t, s, a, 5); len(hits) != 0 {
		t.Errorf("a hidden document was found: %v", hits)
	}
	if got := get(t, s, id); !got.Hidden || got.Ordinal != first.Ordinal || len(got.Vectors[Space.Name]) != 1 {
		t.Errorf("after hiding: %+v; want the same ordinal and its vector", got)
	}
	wantStatus(t, apply(t, s, index.Put, Doc(id, b)), index.Updated)
	if got := get(t, s, id); got.Ordinal == first.Ordinal || got.Hidden {
		t.Errorf("after new vectors: %+v; want a new ordinal, visible", got)
	}
	if hits := search(t, s, b, 5); len(hits) != 1 || math.Abs(float64(hits[0].Score)-1) > 1e-6 {
		t.Errorf("its own vector finds %v; want x with 1", hits)
	}
	wantStatus(t, apply(t, s, index.Delete, d), index.Deleted)
	wantStatus(t, apply(t, s, index.Delete, d), index.Unchanged)
	must(t, s.Close())
	s = open()
	if _, err := s.Get(id); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("Get of a deleted id after a restart: %v; want ErrNotFound", err)
	}
	apply(t, s, index.Put, Doc(id, a))
	if got := get(t, s, id); got.Ordinal <= first.Ordinal+1 {
		t.Errorf("ordinal %d was used before the restart", got.Ordinal)
	}
	must(t, s.Close())
}

func testTies(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	v := Vector(rand.New(rand.NewPCG(2, 2)))
	for _, id := range []string{"c", "a", "b", "d"} {
		apply(t, s, index.Put, Doc(id, v))
	}
	for limit := 1; limit <= 5; limit++ {
		got := ids(search(t, s, v, limit))
		if want := []string{"c", "a", "b", "d"}[:min(limit, 4)]; !slices.Equal(got, want) {
			t.Errorf("limit %d: equal scores in order %v; want by ordinal %v", limit, got, want)
		}
	}
	must(t, s.Close())
}

func testItems(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	r := rand.New(rand.NewPCG(3, 3))
	nan := Vector(r)
	nan[3] = float32(math.NaN())
	receipt, err := s.Apply(context.Background(), []index.Change{
		{Action: index.Put, Document: Doc("good", Vector(r))},
		{Action: index.Put, Document: Doc("short", Vector(r)[:3])},
		{Action: index.Put, Document: Doc("nan", nan)},
		{Action: index.Put, Document: Doc("zero", make([]float32, Space.Dim))},
		{Action: index.Put, Document: Doc("", Vector(r))},
		{Action: index.Put, Document: index.Document{ID: "space", Vectors: map[string][][]float32{"none": {{1}}}}},
		{Action: index.Put, Document: index.Document{ID: "meta", Metadata: map[string]any{"x": struct{}{}}}},
		{Action: index.Update, Document: index.Document{ID: "absent"}},
		{Action: index.Put, Document: Doc("good", Vector(r))},
	})
	must(t, err)
	var got []index.Status
	for _, res := range receipt.Results {
		got = append(got, res.Status)
		if (res.Err != nil) != (res.Status == index.Failed) {
			t.Errorf("%q: status %s with error %v", res.ID, res.Status, res.Err)
		}
	}
	want := []index.Status{"created", "error", "error", "error", "error", "error", "error", "error", "updated"}
	if !slices.Equal(got, want) {
		t.Errorf("results %v; want %v", got, want)
	}
	must(t, s.Close())
}

func testFilter(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	r := rand.New(rand.NewPCG(4, 4))
	for i := range 20 {
		d := Doc(fmt.Sprintf("/f%d/%02d", i%2, i), Vector(r))
		d.Metadata = map[string]any{"n": int64(i), "tag": []string{[]string{"odd", "even"}[(i+1)%2], "all"}}
		apply(t, s, index.Put, d)
	}
	q := Vector(r)
	filter, err := index.ParseFilter("even and n>=4 and not (folder:f1 or n in(8,10)) or name=03")
	must(t, err)
	found := func() []string {
		found, err := s.Search(context.Background(), index.Query{Space: Space.Name, Vector: q, Limit: 30, Filter: filter})
		hits := found.Hits
		must(t, err)
		return ids(hits)
	}
	var want []string
	for _, id := range ids(search(t, s, q, 30)) {
		if slices.Contains([]string{"/f0/04", "/f0/06", "/f0/12", "/f0/14", "/f0/16", "/f0/18", "/f1/03"}, id) {
			want = append(want, id)
		}
	}
	if got := found(); len(want) != 7 || !slices.Equal(got, want) {
		t.Errorf("%s finds %v; want %v", filter, got, want)
	}
	first := want[0]
	apply(t, s, index.Update, index.Document{ID: first})
	if got := found(); !slices.Equal(got, want[1:]) {
		t.Errorf("after %s lost its metadata: %v; want %v", first, got, want[1:])
	}
	must(t, s.Close())
	s = open()
	if got := found(); !slices.Equal(got, want[1:]) {
		t.Errorf("after a restart: %v; want %v", got, want[1:])
	}
	must(t, s.Close())
}

func testSpaces(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	must(t, s.Define(Space))
	must(t, s.Close())
	s = open()
	other := Space
	other.Fingerprint = "2"
	var clash *index.SpaceError
	if err := s.Define(other); !errors.As(err, &clash) || clash.Have.Fingerprint != "1" {
		t.Errorf("another fingerprint: %v; want a SpaceError", err)
	}
	if _, err := s.Search(context.Background(), index.Query{Space: "none", Vector: []float32{1}}); err == nil {
		t.Error("a search in a space that is not there succeeded")
	}
	must(t, s.Close())
}

func testSeveral(t *testing.T, open func() Store) {
	s := open()
	must(t, s.Define(Space))
	r := rand.New(rand.NewPCG(4, 4))
	tiles := [][]float32{Vector(r), Vector(r), Vector(r)}
	apply(t, s, index.Put, index.Document{ID: "tiles", Vectors: map[string][][]float32{Space.Name: tiles}})
	apply(t, s, index.Put, Doc("one", Vector(r)))
	for _, tile := range tiles {
		hits := search(t, s, tile, 5)
		if !slices.Equal(ids(hits), []string{"tiles", "one"}) || math.Abs(float64(hits[0].Score)-1) > 1e-6 {
			t.Errorf("a tile finds %v; want its document once, first, with 1", hits)
		}
	}
	must(t, s.Close())
}

func apply(t *testing.T, s Store, a index.Action, d index.Document) index.Status {
	t.Helper()
	receipt, err := s.Apply(context.Background(), []index.Change{{Action: a, Document: d}})
	must(t, err)
	must(t, receipt.Err())
	return receipt.Results[0].Status
}

func get(t *testing.T, s Store, id string) index.Document {
	t.Helper()
	d, err := s.Get(id)
	must(t, err)
	return d
}

func search(t *testing.T, s Store, q []float32, limit int) []index.Hit {
	t.Helper()
	found, err := s.Search(context.Background(), index.Query{Space: Space.Name, Vector: q, Limit: limit})
	hits := found.Hits
	must(t, err)
	return hits
}

func ids(hits []index.Hit) []string {
	out := make([]string, len(hits))
	for i, h := range hits {
		out[i] = h.ID
	}
	return out
}

func wantStatus(t *testing.T, got, want index.Status) {
	t.Helper()
	if got != want {
		t.Errorf("status %s; want %s", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
