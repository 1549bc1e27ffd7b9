package index

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
)

// Metric is how a space compares vectors.
type Metric string

const (
	// Cosine compares directions; vectors are stored at unit length. It is the
	// zero value's meaning.
	Cosine Metric = "cosine"
	// Dot is the inner product of the vectors as they are.
	Dot Metric = "dot"
	// L2 is the Euclidean distance; a score is minus its square, so that a higher one
	// is nearer, as with the others.
	L2 Metric = "l2"
)

// A Space is a named kind of vector with its own dimension. All its vectors come
// from one encoder.
type Space struct {
	Name        string `json:"name"`        // [a-z0-9_-], up to 32
	Dim         int    `json:"dim"`         // length of every vector
	Metric      Metric `json:"metric"`      // "" means Cosine
	Encoder     string `json:"encoder"`     // public name of the model
	Fingerprint string `json:"fingerprint"` // what makes the model's vectors comparable
}

const maxDim = 1 << 14

var spaceName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

func (s Space) check() error {
	switch {
	case !spaceName.MatchString(s.Name):
		return fmt.Errorf("index: space name %q; use 1 to 32 of a-z 0-9 _ -", s.Name)
	case s.Dim < 1 || s.Dim > maxDim:
		return fmt.Errorf("index: space %q: %d dimensions; must be 1 to %d", s.Name, s.Dim, maxDim)
	case s.Metric != Cosine && s.Metric != Dot && s.Metric != L2:
		return fmt.Errorf("index: space %q: metric %q; use %q, %q or %q", s.Name, s.Metric, Cosine, Dot, L2)
	}
	return nil
}

// Define makes a space, durably. Defining the same space again does nothing;
// another encoder, fingerprint, dimension or metric is a *SpaceError.
func (ix *Index) Define(s Space) error {
	if s.Metric == "" {
		s.Metric = Cosine
	}
	if err := s.check(); err != nil {
		return err
	}
	leave, err := ix.enter()
	if err != nil {
		return err
	}
	defer leave()
	ix.write.Lock()
	defer ix.write.Unlock()
	old := ix.view.Load()
	for _, have := range old.schema {
		if have.Name == s.Name {
			if have != s {
				return &SpaceError{Have: have, Want: s}
			}
			return nil
		}
	}
	next := old.clone()
	next.schema = append(append([]Space(nil), old.schema...), s)
	if next.shelves != nil {
		next.shelves[s.Name] = newShelf(ix, s)
	}
	if err := ix.scrub(s.Name); err != nil {
		return err
	}
	if err := ix.saveSchema(next.schema); err != nil {
		return err
	}
	ix.view.Store(next)
	return nil
}

// Spaces returns the defined spaces in the order of their definition.
func (ix *Index) Spaces() []Space {
	return append([]Space(nil), ix.view.Load().schema...)
}

func (ix *Index) saveSchema(schema []Space) error {
	value, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	return ix.db.Set([]byte(keySchema), value, syncWrites)
}

func (v *view) space(name string) (Space, bool) {
	for _, s := range v.schema {
		if s.Name == name {
			return s, true
		}
	}
	return Space{}, false
}

// prepare checks a vector and returns it as the space stores it.
func (s Space) prepare(v []float32) ([]float32, error) {
	if len(v) != s.Dim {
		return nil, fmt.Errorf("index: space %q takes %d dimensions, got %d", s.Name, s.Dim, len(v))
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("index: space %q: the vector holds NaN or infinity", s.Name)
	}
	if s.Metric != Cosine || math.Abs(sum-1) < 1e-6 {
		return v, nil
	}
	if sum == 0 {
		return nil, fmt.Errorf("index: space %q: a vector of zeros has no direction", s.Name)
	}
	scale := 1 / math.Sqrt(sum)
	unit := make([]float32, len(v))
	for i, x := range v {
		unit[i] = float32(float64(x) * scale)
	}
	return unit, nil
}
