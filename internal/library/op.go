package library

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emblem-search/emblem/index"
)

// MaxLine is the most bytes that a line of Apply may have.
const MaxLine = 64 << 20

// A Line is one line of what Apply reads.
type Line struct {
	Number int    `json:"n"` // from 1
	Text   []byte `json:"t"`
	Long   bool   `json:"l,omitempty"` // over MaxLine, and left out
}

// opKeys are what each operation knows beside "op".
var opKeys = map[string][]string{
	"space":  {"name", "dim", "metric", "encoder"},
	"put":    {"id", "vectors", "vector", "space", "metadata", "hidden"},
	"attach": {"id", "vectors", "vector", "space"},
	"meta":   {"id", "metadata", "hidden"},
	"delete": {"id", "ids", "filter"},
	"get":    {"id", "as_of"},
	"search": {"vector", "vectors", "space", "words", "typing", "like", "unlike", "filter", "limit", "min_recall", "exact", "fusion", "weights",
		"collapse", "diversity", "group_by", "highlight", "facets", "as_of", "at_least", "cursor"},
	"stats": {},
}

// op is a parsed line. What was not said is nil.
type op struct {
	Op      string `json:"op"`
	Name    string `json:"name"`
	Dim     int    `json:"dim"`
	Metric  string `json:"metric"`
	Encoder string `json:"encoder"`

	ID       *string             `json:"id"`
	IDs      []string            `json:"ids"`
	Vectors  map[string]*vectors `json:"vectors"`
	Vector   *vectors            `json:"vector"`
	Space    string              `json:"space"`
	Metadata *metadata           `json:"metadata"`
	Hidden   *bool               `json:"hidden"`

	Filter    *index.Filter         `json:"filter"`
	Words     string                `json:"words"`
	Typing    bool                  `json:"typing"`
	Like      []string              `json:"like"`
	Unlike    []string              `json:"unlike"`
	Limit     *int                  `json:"limit"`
	MinRecall float64               `json:"min_recall"`
	Exact     bool                  `json:"exact"`
	Fusion    index.FusionMethod    `json:"fusion"`
	Weights   map[index.Leg]float64 `json:"weights"`
	Collapse  float32               `json:"collapse"`
	Diversity float64               `json:"diversity"`
	GroupBy   string                `json:"group_by"`
	Highlight int                   `json:"highlight"`
	Facets    []string              `json:"facets"`
	AsOf      uint64                `json:"as_of"`
	AtLeast   uint64                `json:"at_least"`
	Cursor    string                `json:"cursor"`

	said map[string]json.RawMessage // the line's keys
}

// parseOp reads a line. Its errors are the line's own.
func parseOp(line Line) (op, error) {
	var o op
	if line.Long {
		return o, fmt.Errorf("the line has over %d MiB", MaxLine>>20)
	}
	if !utf8.Valid(line.Text) {
		return o, errors.New("the line is not UTF-8")
	}
	if err := json.Unmarshal(line.Text, &o.said); err != nil {
		return o, notAnObject(line.Text, err)
	}
	if o.said == nil {
		return o, errors.New("the line is no JSON object")
	}
	if err := o.checkKeys(); err != nil {
		return o, err
	}
	if err := json.Unmarshal(line.Text, &o); err != nil {
		return o, wrongType(err)
	}
	return o, o.check()
}

// checkKeys finds out which operation it is and refuses keys that it does not
// know.
func (o *op) checkKeys() error {
	raw, ok := o.said["op"]
	if !ok {
		return fmt.Errorf(`the line has no "op"; it is one of %s`, strings.Join(opNames(), ", "))
	}
	if json.Unmarshal(raw, &o.Op) != nil || opKeys[o.Op] == nil {
		name := string(raw)
		o.Op = ""
		return fmt.Errorf(`no "op" %s; it is one of %s`, shortened(name), strings.Join(opNames(), ", "))
	}
	known := opKeys[o.Op]
	for _, key := range slices.Sorted(maps.Keys(o.said)) {
		if key != "op" && !slices.Contains(known, key) {
			what := "has no keys but op"
			if len(known) > 0 {
				what = "knows " + strings.Join(known, ", ")
			}
			return fmt.Errorf(`unknown key %q; %q %s`, key, o.Op, what)
		}
	}
	return nil
}

func opNames() []string { return slices.Sorted(maps.Keys(opKeys)) }

// check refuses what cannot be meant.
func (o *op) check() error {
	switch o.Op {
	case "space":
		if o.Dim == 0 {
			return errors.New(`say the length of the vectors: "dim"`)
		}
	case "put", "attach", "meta", "get":
		if o.ID == nil {
			return fmt.Errorf(`%q needs an "id"`, o.Op)
		}
		if o.Op == "attach" && o.count("vector", "vectors") == 0 {
			return errors.New(`"attach" needs "vectors"`)
		}
		if o.Op == "meta" && o.Metadata == nil && o.Hidden == nil {
			return errors.New(`"meta" needs "metadata" or "hidden"`)
		}
	case "delete":
		if o.count("id", "ids", "filter") != 1 {
			return errors.New(`"delete" needs one of "id", "ids" and "filter"`)
		}
	case "search":
		if o.Limit != nil && *o.Limit < 1 {
			return errors.New(`"limit" must be at least 1`)
		}
		if o.MinRecall < 0 || o.MinRecall > 1 {
			return errors.New(`"min_recall" must be between 0 and 1`)
		}
		if o.Highlight < 0 {
			return errors.New(`"highlight" must be a number of bytes`)
		}
	}
	if o.count("vector", "vectors") == 2 {
		return errors.New(`say "vector" or "vectors", not both`)
	}
	if o.Space != "" && o.Vectors != nil {
		return errors.New(`"space" goes with "vector"; "vectors" has its spaces as keys`)
	}
	return nil
}

// count is how many of the keys have a value.
func (o *op) count(keys ...string) (n int) {
	for _, k := range keys {
		if raw, ok := o.said[k]; ok && string(raw) != "null" {
			n++
		}
	}
	return n
}

// notAnObject says what is wrong with a line that is not a JSON object.
func notAnObject(line []byte, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return errors.New("the line is no JSON object")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset > 0 {
		rest := line[syntax.Offset-1:]
		for _, name := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(rest, []byte(name)) || bytes.HasPrefix(line[max(0, syntax.Offset-2):], []byte(name)) {
				return fmt.Errorf("byte %d: %s is no number in JSON, and no vector may hold it", syntax.Offset, name)
			}
		}
		return fmt.Errorf("not JSON, at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// wrongType says which key has a value of a wrong type.
func wrongType(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	takes := "an object"
	switch wrong.Type.Kind() {
	case reflect.Int, reflect.Uint64:
		takes = "a whole number"
	case reflect.Bool:
		takes = "true or false"
	case reflect.String:
		takes = "a string"
	case reflect.Float32, reflect.Float64:
		takes = "a number"
	case reflect.Slice:
		takes = "a list of strings"
	}
	return fmt.Errorf("%q takes %s, not %s", wrong.Field, takes, wrong.Value)
}

// shortened is a text for a message.
func shortened(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
