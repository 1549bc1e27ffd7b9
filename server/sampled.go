package server

import (
	"encoding/json"
	"math/rand/v2"

	"github.com/emblem-search/emblem/text/decoder"
)

// sampled is the part of a request that says how tokens are chosen: OpenAI's, with the
// names that vLLM gives to what OpenAI does not have.
type sampled struct {
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"top_p"`
	TopK        *int     `json:"top_k"`
	MinP        *float64 `json:"min_p"`
	Penalty     *float64 `json:"repetition_penalty"`
	Seed        *int64   `json:"seed"`

	Presence  float64         `json:"presence_penalty"`
	Frequency float64         `json:"frequency_penalty"`
	LogitBias json.RawMessage `json:"logit_bias"`
}

// over puts what the client says over what the model asks for. Without a seed each
// request draws anew.
func (b *sampled) over(r *decoder.Request) {
	take(&r.Temperature, b.Temperature)
	take(&r.TopP, b.TopP)
	take(&r.TopK, b.TopK)
	take(&r.MinP, b.MinP)
	take(&r.Penalty, b.Penalty)
	if r.TopK < 0 {
		r.TopK = 0 // vLLM's -1: all
	}
	if r.Seed = rand.Uint64(); b.Seed != nil {
		r.Seed = uint64(*b.Seed)
	}
}

func take[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// unsupported is a part of a request that this server has not, where it is used.
type unsupported struct {
	param string
	used  bool
}

// others are what OpenAI has and this server has not.
func (b *sampled) others() []unsupported {
	return []unsupported{{"presence_penalty", b.Presence != 0}, {"frequency_penalty", b.Frequency != 0}, {"logit_bias", given(b.LogitBias)}}
}

// refuseUsed names the first that is used.
func refuseUsed(list []unsupported) error {
	for _, o := range list {
		if o.used {
			return badRequest(o.param, "%s is not supported; leave it out", o.param)
		}
	}
	return nil
}

// given says whether JSON says anything.
func given(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "{}", "[]", "false", `""`:
		return false
	}
	return true
}

// format says what a text has to be of.
type format struct {
	Type   string       `json:"type"` // text, json_object or json_schema
	Schema *namedSchema `json:"json_schema"`
}

type namedSchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
}

// schema is the JSON Schema of it; nil: the text is free.
func (f *format) schema() ([]byte, error) {
	switch {
	case f == nil || f.Type == "text" || f.Type == "":
		return nil, nil
	case f.Type == "json_object":
		return []byte(`{"type":"object"}`), nil
	case f.Type == "json_schema" && f.Schema != nil && given(f.Schema.Schema):
		return f.Schema.Schema, nil
	}
	return nil, badRequest("response_format", "response_format has to be of type text, json_object, or json_schema with json_schema.schema")
}

// stopStrings reads a string or a list of them.
func stopStrings(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil || len(list) > mostStops {
		return nil, badRequest("stop", "stop has to be a string or a list of at most %d", mostStops)
	}
	return list, nil
}
