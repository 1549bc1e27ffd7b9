package text

import (
	"encoding/json"
	"errors"
	"fmt"
)

// template is what a post-processor puts around a single text: -1 stands for the text, other values are ids.
type template []int32

const textSlot = int32(-1)

func buildPostProcessor(c *component, left *int) ([]template, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("more than %d components", maxComponents)
	}
	switch c.Type {
	case "ByteLevel": // moves offsets only
		return nil, nil
	case "BertProcessing", "RobertaProcessing":
		var f struct{ Sep, Cls tokenAndID }
		if err := c.into(&f); err != nil {
			return nil, err
		}
		return []template{{f.Cls.id, textSlot, f.Sep.id}}, nil
	case "TemplateProcessing":
		t, err := buildTemplate(c)
		return []template{t}, err
	case "Sequence":
		var list struct{ Processors []component }
		if err := c.into(&list); err != nil {
			return nil, err
		}
		var out []template
		for i := range list.Processors {
			t, err := buildPostProcessor(&list.Processors[i], left)
			if err != nil {
				return nil, err
			}
			out = append(out, t...)
		}
		return out, nil
	}
	return nil, fmt.Errorf("post_processor %q is not supported; supported are Sequence, TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel", c.Type)
}

// tokenAndID is ["[SEP]", 102].
type tokenAndID struct{ id int32 }

func (t *tokenAndID) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("want a token and its id")
	}
	return json.Unmarshal(pair[1], &t.id)
}

func buildTemplate(c *component) (template, error) {
	type named struct{ ID string }
	var f struct {
		Single []struct {
			Sequence     *named
			SpecialToken *named
		}
		SpecialTokens map[string]struct{ IDs []int32 } `json:"special_tokens"`
	}
	if err := c.into(&f); err != nil {
		return nil, err
	}
	var t template
	for _, p := range f.Single {
		switch {
		case p.Sequence != nil && p.Sequence.ID == "A":
			t = append(t, textSlot)
		case p.SpecialToken != nil:
			s, ok := f.SpecialTokens[p.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("post_processor TemplateProcessing: special token %q has no ids", p.SpecialToken.ID)
			}
			t = append(t, s.IDs...)
		default:
			return nil, errors.New("post_processor TemplateProcessing: single must hold SpecialToken and Sequence A only")
		}
	}
	return t, nil
}

// around puts the template's ids around ids.
func (t template) around(ids []int32) []int32 {
	out := make([]int32, 0, len(ids)+len(t))
	for _, id := range t {
		if id == textSlot {
			out = append(out, ids...)
		} else {
			out = append(out, id)
		}
	}
	return out
}

// added counts the special tokens of the template.
func (t template) added() int {
	n := 0
	for _, id := range t {
		if id != textSlot {
			n++
		}
	}
	return n
}
