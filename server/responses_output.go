package server

import (
	"crypto/rand"
	"net/http"
)

// responseItem is a part of the answer: a message or a call of a tool.
type responseItem struct {
	Type   string `json:"type"` // message or function_call
	ID     string `json:"id"`
	Status string `json:"status"`

	Role    string         `json:"role,omitempty"`
	Content []responsePart `json:"content,omitzero"`

	CallID    string  `json:"call_id,omitempty"`
	Name      string  `json:"name,omitempty"`
	Arguments *string `json:"arguments,omitempty"`
}

// responsePart is the text of a message.
type responsePart struct {
	Type        string        `json:"type"`
	Text        string        `json:"text"`
	Annotations []string      `json:"annotations"`
	LogProbs    []chatLogProb `json:"logprobs"`
}

// responding answers in the shape of Responses, and tells of each step where there are
// events.
type responding struct {
	*talk
	answer responsesAnswer
	events *events      // nil: only the whole is asked for
	number int          // of the next event
	open   bool         // the last item is a message that is being written
	probs  chatLogProbs // of tokens that no event has told of: they are parts of characters
	finish string
}

// responseEvent is one step of a stream. What an event has nothing to say of is left
// out.
type responseEvent struct {
	Type      string           `json:"type"`
	Number    int              `json:"sequence_number"`
	Response  *responsesAnswer `json:"response,omitempty"`
	Output    *int             `json:"output_index,omitempty"`
	ItemID    string           `json:"item_id,omitempty"`
	Content   *int             `json:"content_index,omitempty"`
	Item      *responseItem    `json:"item,omitempty"`
	Part      *responsePart    `json:"part,omitempty"`
	Delta     *string          `json:"delta,omitempty"`
	Text      *string          `json:"text,omitempty"`
	LogProbs  []chatLogProb    `json:"logprobs,omitzero"`
	Name      string           `json:"name,omitempty"`
	Arguments *string          `json:"arguments,omitempty"`
	Message   string           `json:"message,omitempty"` // of an error
	Code      string           `json:"code,omitempty"`
}

// run answers, as a whole or by events.
func (x *responding) run(w http.ResponseWriter, r *http.Request) error {
	u, err := x.talk.run(r.Context(), func(_ int, p said) error { return x.push(p) })
	if err != nil {
		return x.fail(err)
	}
	x.answer.end(x.finish, u)
	if x.events == nil {
		writeJSON(w, http.StatusOK, x.answer)
		return nil
	}
	x.tell(responseEvent{Type: "response." + x.answer.Status, Response: &x.answer}) // a client that went away is no error of ours
	return nil
}

// fail tells of an error: as the answer, while there is none yet, else as an event.
func (x *responding) fail(err error) error {
	if x.events == nil || !x.events.begun {
		return err
	}
	own, _ := known(err)
	if own.Status != statusClientClosed {
		x.tell(responseEvent{Type: "error", Message: own.Message, Code: own.Code})
	}
	return nil
}

// tell sends an event, with its number.
func (x *responding) tell(e responseEvent) error {
	if x.events == nil {
		return nil
	}
	e.Number = x.number
	x.number++
	return x.events.sendNamed(e.Type, e)
}

// push takes what is new.
func (x *responding) push(p said) error {
	if x.number == 0 {
		for _, kind := range []string{"response.created", "response.in_progress"} {
			if err := x.tell(responseEvent{Type: kind, Response: &x.answer}); err != nil {
				return err
			}
		}
	}
	if x.request.LogProbs {
		x.probs.add(x.model, p.Piece)
	}
	if x.finish = p.Finish; p.Text != "" || p.Finish != "" && len(x.answer.Output)+len(p.Calls) == 0 {
		if err := x.text(p); err != nil {
			return err
		}
	}
	if x.open && (len(p.Calls) > 0 || p.Finish != "") {
		if err := x.close(); err != nil {
			return err
		}
	}
	for _, c := range p.Calls {
		if err := x.call(c); err != nil {
			return err
		}
	}
	return nil
}

// begin adds an item to the output and returns its place.
func (x *responding) begin(item responseItem) (int, error) {
	x.answer.Output = append(x.answer.Output, item)
	i := len(x.answer.Output) - 1
	item.Status = "in_progress"
	return i, x.tell(responseEvent{Type: "response.output_item.added", Output: &i, Item: &item})
}

// text goes on with a message, or begins one.
func (x *responding) text(p said) error {
	zero := 0
	if !x.open {
		x.open = true
		i, err := x.begin(responseItem{Type: "message", ID: "msg_" + rand.Text(), Status: "completed", Role: "assistant", Content: []responsePart{}})
		if err != nil {
			return err
		}
		item := &x.answer.Output[i]
		item.Content = []responsePart{{Type: "output_text", Annotations: []string{}, LogProbs: []chatLogProb{}}}
		part := item.Content[0]
		if err := x.tell(responseEvent{Type: "response.content_part.added", Output: &i, Content: &zero, ItemID: item.ID, Part: &part}); err != nil {
			return err
		}
	}
	i, item := x.last()
	part := &item.Content[0]
	part.Text += p.Text
	if p.Text == "" {
		return nil
	}
	probs := append([]chatLogProb{}, x.probs.Content...)
	x.probs.Content, part.LogProbs = nil, append(part.LogProbs, probs...)
	return x.tell(responseEvent{Type: "response.output_text.delta", Output: &i, Content: &zero, ItemID: item.ID, Delta: &p.Text, LogProbs: probs})
}

func (x *responding) last() (int, *responseItem) {
	i := len(x.answer.Output) - 1
	return i, &x.answer.Output[i]
}

// close ends the message.
func (x *responding) close() error {
	x.open = false
	zero := 0
	i, item := x.last()
	if x.finish == "length" {
		item.Status = "incomplete"
	}
	part := &item.Content[0]
	part.LogProbs = append(part.LogProbs, x.probs.Content...)
	x.probs.Content = nil
	for _, e := range []responseEvent{
		{Type: "response.output_text.done", Content: &zero, Text: &part.Text, LogProbs: part.LogProbs},
		{Type: "response.content_part.done", Content: &zero, Part: part},
		{Type: "response.output_item.done", Item: item},
	} {
		if e.Output = &i; e.Item == nil {
			e.ItemID = item.ID
		}
		if err := x.tell(e); err != nil {
			return err
		}
	}
	return nil
}

// call adds a call of a tool.
func (x *responding) call(c toolCall) error {
	item := responseItem{Type: "function_call", ID: "fc_" + rand.Text(), Status: "completed", CallID: c.ID, Name: c.Name, Arguments: new(string)}
	i, err := x.begin(item)
	if err != nil {
		return err
	}
	item.Arguments = &c.Arguments
	x.answer.Output[i] = item
	for _, e := range []responseEvent{
		{Type: "response.function_call_arguments.delta", ItemID: item.ID, Delta: &c.Arguments},
		{Type: "response.function_call_arguments.done", ItemID: item.ID, Name: c.Name, Arguments: &c.Arguments},
		{Type: "response.output_item.done", Item: &item},
	} {
		e.Output = &i
		if err := x.tell(e); err != nil {
			return err
		}
	}
	return nil
}
