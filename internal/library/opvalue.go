package library

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/index"
)

// vectors are one vector or several of one space, as a line has them: [1,2] or
// [[1,2],[3,4]]. They stay wide until the space says how they are compared.
type vectors [][]float64

// UnmarshalJSON reads both forms.
func (v *vectors) UnmarshalJSON(data []byte) error {
	flat := bytes.TrimLeft(data, " \t\r\n")
	flat = bytes.TrimLeft(flat[min(1, len(flat)):], " \t\r\n") // behind the bracket
	if len(flat) > 0 && flat[0] == '[' {
		var many []numbers
		if err := json.Unmarshal(data, &many); err != nil {
			return notNumbers(err)
		}
		for _, one := range many {
			*v = append(*v, one)
		}
	} else {
		var one numbers
		if err := json.Unmarshal(data, &one); err != nil {
			return notNumbers(err)
		}
		*v = vectors{one}
	}
	for _, one := range *v {
		if len(one) == 0 {
			return errors.New("an empty vector; leave the space out instead")
		}
	}
	return nil
}

// numbers is a list without null, which a []float64 would take for 0.
type numbers []float64

// UnmarshalJSON reads the list.
func (n *numbers) UnmarshalJSON(data []byte) error {
	if bytes.Contains(data, []byte("null")) {
		return errors.New("a vector is a list of numbers, without null")
	}
	return json.Unmarshal(data, (*[]float64)(n))
}

func notNumbers(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if len(wrong.Value) > 7 && wrong.Value[:7] == "number " {
		return fmt.Errorf("the number %s is too large", shortened(wrong.Value[7:]))
	}
	return fmt.Errorf("a vector is a list of numbers; this one holds %s", article(wrong.Value))
}

func article(kind string) string {
	if kind != "" && bytes.ContainsRune([]byte("aeiou"), rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}

// maxLength bounds the vectors of spaces that compare lengths: products of two
// have to fit a float32.
const maxLength = 1e18

// narrow returns the vectors as the index takes them. Only the direction counts
// for cosines, so that numbers of any size are scaled to fit.
func (v vectors) narrow(metric index.Metric) ([][]float32, error) {
	out := make([][]float32, len(v))
	for i, one := range v {
		scale := 1.0
		if metric == index.Cosine || metric == "" {
			if m := largest(one); m > 1e15 || m > 0 && m < 1e-15 {
				scale = m
			}
		} else if m := largest(one); m*math.Sqrt(float64(len(one))) > maxLength {
			return nil, fmt.Errorf("a number of %g is too large: vectors that are compared by %q are shorter than %g", m, metric, maxLength)
		}
		out[i] = make([]float32, len(one))
		for k, x := range one {
			out[i][k] = float32(x / scale)
		}
	}
	return out, nil
}

func largest(v []float64) (m float64) {
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

// metadata is what a document may have: strings, booleans, numbers and lists of
// strings. A key with null is as if it were not there.
type metadata map[string]any

// ParseMetadata reads a JSON object as metadata.
func ParseMetadata(data []byte) (map[string]any, error) {
	var m metadata
	err := m.UnmarshalJSON(data)
	return m, err
}

// UnmarshalJSON reads an object.
func (m *metadata) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		return errors.New(`"metadata" takes an object`)
	}
	*m = metadata{}
	for key, v := range all {
		if v == nil {
			continue
		}
		value, err := metadataValue(v)
		if err != nil {
			return fmt.Errorf("metadata %q: %w", key, err)
		}
		(*m)[key] = value
	}
	return nil
}

func metadataValue(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("the number %s is too large", shortened(v.String()))
		}
		return f, nil
	case []any:
		list := make([]string, len(v))
		for i, s := range v {
			text, ok := s.(string)
			if !ok {
				return nil, errors.New("a list may hold strings only")
			}
			list[i] = text
		}
		return list, nil
	case map[string]any:
		return nil, errors.New("an object inside is not kept; use strings, true and false, numbers, and lists of strings")
	}
	return v, nil
}
