package decoder

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestSchema: whatever a model likes to say, it says JSON of the schema, with bytes as
// letters and with bytes as tokens.
func TestSchema(t *testing.T) {
	const schema = `{"type":"object","properties":{"name":{"type":"string","maxLength":6},"n":{"type":"integer"},
		"tags":{"type":"array","items":{"enum":["red","blue"]},"maxItems":2},"ok":{"type":"boolean"}},"required":["name","n","ok"]}`
	for _, name := range []string{"gpt2", "smollm2", "llama-mqa", "qwen2"} {
		d := open(t, "testdata/"+name, Options{DType: "f32"})
		complete := 0
		for seed := range uint64(12) {
			var b strings.Builder
			finish := ""
			q := Request{Sampling: Sampling{Temperature: 1, Seed: seed}, MaxTokens: 90, Schema: []byte(schema)}
			if seed == 0 {
				q.Temperature = 0
			}
			_, err := d.Complete(context.Background(), "a", q, func(p Piece) error {
				b.WriteString(p.Text)
				finish = p.Finish
				return nil
			})
			if err != nil {
				t.Fatal(name, err)
			}
			if finish == Length {
				continue // the text is cut
			}
			complete++
			var v struct {
				Name *string
				N    *json.Number
				Tags []string
				OK   *bool
			}
			d := json.NewDecoder(strings.NewReader(b.String()))
			d.DisallowUnknownFields()
			if err := d.Decode(&v); err != nil || v.Name == nil || v.N == nil || v.OK == nil || len([]rune(*v.Name)) > 6 || len(v.Tags) > 2 {
				t.Errorf("%s: %q: %v", name, b.String(), err)
			}
		}
		if complete < 3 {
			t.Errorf("%s: only %d of 12 came to their end", name, complete)
		}
	}
}

// TestSchemaRefused: a schema that cannot be kept is the request's fault.
func TestSchemaRefused(t *testing.T) {
	d := open(t, "testdata/gpt2", Options{DType: "f32"})
	_, err := d.Generate(context.Background(), []int32{1}, Request{Schema: []byte(`{"type":"string","pattern":"a"}`)}, nil)
	var bad *RequestError
	if !errors.As(err, &bad) || bad.Param != "schema" || !strings.Contains(bad.Message, `"pattern" is not supported`) {
		t.Error(err)
	}
}
