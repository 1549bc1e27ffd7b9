package server

import (
	"math"
	"strings"
	"sync"
	"testing"
)

// withHeat is a server whose library has one red picture of 9×7.
func withHeat(t *testing.T, e Embedder) *Server {
	return newTest(t, Options{Embedders: []Embedder{e}, Libraries: shelves{"mine": &shelf{name: "mine", docs: map[string]Document{"a": {ID: "a"}}}}})
}

// TestHeat asks where a text is seen, many at once.
func TestHeat(t *testing.T) {
	s := withHeat(t, &fake{name: "org/fake-clip"})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var a heatAnswer
			request(t, s, "GET", "/v1/libraries/mine/heat?id=a&text=a+red+thing", "", 200, &a)
			if a.Width != 4 || a.Height != 4 || len(a.Values) != 16 || a.Values[0] != 1 || a.Values[15] != 0 {
				t.Errorf("%+v", a)
			}
			if a.Top != 0 || a.Bottom != 1 || math.Abs(a.Left-1./9) > 1e-9 || math.Abs(a.Right-8./9) > 1e-9 {
				t.Errorf("the square in the middle of 9×7 is %+v", a)
			}
		})
	}
	all.Wait()
}

// TestHeatRefuses says what is missing.
func TestHeatRefuses(t *testing.T) {
	s := withHeat(t, &fake{name: "org/fake-clip"})
	for path, want := range map[string]int{"mine/heat?id=b&text=x": 404, "none/heat?id=a&text=x": 404, "mine/heat?id=a&text=": 400, "mine/heat?id=a": 400} {
		if w := do(s, "GET", "/v1/libraries/"+path, ""); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	blind := withHeat(t, struct{ Embedder }{&fake{name: "org/fake-clip"}})
	if w := do(blind, "GET", "/v1/libraries/mine/heat?id=a&text=x", ""); w.Code != 501 || !strings.Contains(w.Body.String(), "does not say where") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestSpread: nothing stands out where all is equal.
func TestSpread(t *testing.T) {
	for _, v := range spread([]float32{0.3, 0.3}) {
		if v != 0 {
			t.Errorf("%v of equal values", v)
		}
	}
}
