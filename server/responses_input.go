package server

import "encoding/json"

// responseInput is an item of a conversation: a message, a call of a tool, or what came
// of one.
type responseInput struct {
	Type    string          `json:"type"` // message if there is none
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`

	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"` // a string or parts
}

// messages reads the instructions and the input.
func (b *responsesBody) messages(c *conversing) error {
	if b.Instructions != "" {
		text, _ := json.Marshal(b.Instructions) // a string
		if err := c.add("instructions", talkMessage{Role: "system", Content: text}); err != nil {
			return err
		}
	}
	var text string
	if json.Unmarshal(b.Input, &text) == nil && text != "" {
		return c.add("input", talkMessage{Role: "user", Content: b.Input})
	}
	var items []responseInput
	if json.Unmarshal(b.Input, &items) != nil || len(items) == 0 {
		return badRequest("input", "input has to be a string or a list of items")
	}
	for i := 0; i < len(items); i++ {
		param := at("input", i)
		m, err := items[i].message(param)
		if err != nil {
			return err
		}
		for m.Role == "assistant" && i+1 < len(items) && items[i+1].Type == "function_call" { // of one turn
			i++
			m.Calls = append(m.Calls, items[i].call())
		}
		if err := c.add(param, m); err != nil {
			return err
		}
	}
	return nil
}

// message is the item as one of a conversation.
func (in responseInput) message(param string) (talkMessage, error) {
	switch in.Type {
	case "", "message":
		return talkMessage{Role: in.Role, Content: in.Content}, nil
	case "function_call":
		return talkMessage{Role: "assistant", Calls: []chatToolCall{in.call()}}, nil
	case "function_call_output":
		return talkMessage{Role: "tool", CallID: in.CallID, Content: in.Output}, nil
	case "item_reference":
		return talkMessage{}, badRequest(param, "responses are not stored here, so that no item can be referred to; send the item itself")
	}
	return talkMessage{}, badRequest(param, "items of type %q are not supported; message, function_call and function_call_output are", clip(in.Type))
}

func (in responseInput) call() chatToolCall {
	return toolCall{in.CallID, in.Name, in.Arguments}.openAI(nil)
}
