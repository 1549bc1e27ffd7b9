package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// TestResponses: OpenAI's client gets the answer of chat completions, whole and as a
// stream, with usage.
func TestResponses(t *testing.T) {
	model := newTalking(t)
	client, s := chatClient(t, Options{Completers: []Completer{model}, Chatters: []Chatter{model}})
	var chat chatAnswer
	request(t, s, "POST", "/v1/chat/completions", `{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}],"max_tokens":12,"temperature":0}`, 200, &chat)
	want := *chat.Choices[0].Message.Content

	ask := responses.ResponseNewParams{
		Model: "talking", Instructions: openai.String("Be kind."), MaxOutputTokens: openai.Int(12), Temperature: openai.Float(0), Store: openai.Bool(false),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Hi")}, Include: []responses.ResponseIncludable{"message.output_text.logprobs"}, TopLogprobs: openai.Int(1),
	}
	got, err := client.Responses.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if got.OutputText() != want || want == "" || got.Status != "incomplete" || got.IncompleteDetails.Reason != "max_output_tokens" || got.Usage.OutputTokens != 12 || got.Usage.TotalTokens != got.Usage.InputTokens+12 {
		t.Errorf("%s, want %q", got.RawJSON(), want)
	}
	if n := len(got.Output[0].AsMessage().Content[0].AsOutputText().Logprobs); n != 12 {
		t.Errorf("probabilities of %d tokens", n)
	}
	ask.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("Hi", responses.EasyInputMessageRoleUser)}}
	stream := client.Responses.NewStreaming(t.Context(), ask)
	var kinds []string
	text, last := "", responses.Response{}
	for i := int64(0); stream.Next(); i++ {
		e := stream.Current()
		if e.SequenceNumber != i {
			t.Errorf("event %d is numbered %d", i, e.SequenceNumber)
		}
		if k := strings.TrimPrefix(e.Type, "response."); len(kinds) == 0 || kinds[len(kinds)-1] != k {
			kinds = append(kinds, k)
		}
		switch e := e.AsAny().(type) {
		case responses.ResponseTextDeltaEvent:
			text += e.Delta
		case responses.ResponseTextDoneEvent:
			if e.Text != want {
				t.Errorf("at the end the text is %q, want %q", e.Text, want)
			}
		case responses.ResponseIncompleteEvent:
			last = e.Response
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	steps := "created in_progress output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done incomplete"
	if text != want || last.OutputText() != want || last.Usage.OutputTokens != 12 || strings.Join(kinds, " ") != steps {
		t.Errorf("%q %v %s, want %q", text, kinds, last.RawJSON(), want)
	}

	ask.MaxOutputTokens, ask.Include, ask.TopLogprobs = openai.Int(60), nil, responses.ResponseNewParams{}.TopLogprobs
	ask.Text.Format = responses.ResponseFormatTextConfigParamOfJSONSchema("x", map[string]any{"type": "array", "items": map[string]any{"type": "boolean"}, "maxItems": 1})
	got, err = client.Responses.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(got.OutputText())) || got.Status != "completed" {
		t.Errorf("not of the schema: %s", got.RawJSON())
	}
}

// TestResponsesTools: calls are items of the output, and a conversation goes on with
// what came of them.
func TestResponsesTools(t *testing.T) {
	model := &script{says: tokens(`See. <tool_call>{"name":"weather","arguments":{"city":"Oslo"}}</tool_call>`)}
	client, s := chatClient(t, Options{Chatters: []Chatter{model}})
	ask := responses.ResponseNewParams{
		Model: "script", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("?")},
		Tools: []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object"}, Strict: openai.Bool(true)}}},
	}
	got, err := client.Responses.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Output) != 2 || got.OutputText() != "See." || got.Output[1].Name != "weather" || got.Output[1].Arguments.OfString != `{"city":"Oslo"}` || got.Status != "completed" {
		t.Fatalf("%s", got.RawJSON())
	}
	stream := client.Responses.NewStreaming(t.Context(), ask)
	arguments, items := "", 0
	for stream.Next() {
		switch e := stream.Current().AsAny().(type) {
		case responses.ResponseFunctionCallArgumentsDeltaEvent:
			arguments += e.Delta
		case responses.ResponseOutputItemDoneEvent:
			items++
		case responses.ResponseCompletedEvent:
			if len(e.Response.Output) != 2 {
				t.Errorf("%s", e.Response.RawJSON())
			}
		}
	}
	if stream.Err() != nil || arguments != `{"city":"Oslo"}` || items != 2 {
		t.Errorf("%v %q %d", stream.Err(), arguments, items)
	}
	if tool := string(model.heard[0].Options.Tools[0]); tool != `{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}` {
		t.Errorf("the model hears of %s", tool)
	}
	var a responsesAnswer
	request(t, s, "POST", "/v1/responses", `{"input":[{"role":"user","content":[{"type":"input_text","text":"?"},{"type":"input_image","image_url":"`+dataURL(red)+`","detail":"high"}]},
		{"type":"message","role":"assistant","content":[{"type":"output_text","text":"See."}]},{"type":"function_call","call_id":"c1","name":"weather","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"weather","arguments":"{}"},
		{"type":"function_call_output","call_id":"c1","output":"rain"}]}`, 200, &a)
	h := model.heard[len(model.heard)-1]
	if m := h.Messages; len(m) != 3 || m[1].Text() != "See." || len(m[1].ToolCalls) != 2 || m[2].Role != "tool" || m[2].ToolCallID != "c1" || m[2].Text() != "rain" || len(h.Pictures) != 1 || h.Pictures[0].Detail != "high" {
		t.Errorf("%+v", h.Messages)
	}
	if a.Output[0].Content[0].Text == "See." || a.Usage.InputDetails.Images != 5 {
		t.Errorf("%+v", a) // no tools: what looks like a call is text
	}
}

// TestResponsesRefusals: what cannot be done is said with its place.
func TestResponsesRefusals(t *testing.T) {
	s := newTest(t, Options{Chatters: []Chatter{newTalking(t)}})
	for body, want := range map[string]string{
		`{}`:           `400 input input has to be`,
		`{"input":[]}`: `400 input input has to be`,
		`{"input":"` + strings.Repeat("word ", 60) + `"}`:                                               `400 input the prompt has`,
		`{"stream":true,"input":"` + strings.Repeat("word ", 60) + `"}`:                                 `400 input the prompt has`,
		`{"input":"a","previous_response_id":"resp_1"}`:                                                 `400 previous_response_id responses are not stored here`,
		`{"input":"a","conversation":"conv_1"}`:                                                         `400 previous_response_id responses are not stored`,
		`{"input":"a","store":true}`:                                                                    `400 store`,
		`{"input":"a","background":true}`:                                                               `400 background`,
		`{"input":"a","truncation":"some"}`:                                                             `400 truncation`,
		`{"input":"a","include":["file_search_call.results"]}`:                                          `400 include`,
		`{"input":"a","max_output_tokens":0}`:                                                           `400 max_output_tokens`,
		`{"input":"a","text":{"format":{"type":"json_schema"}}}`:                                        `400 text.format`,
		`{"input":"a","text":{"format":{"type":"json_schema","schema":{"pattern":"x"}}}}`:               `400 text.format the schema`,
		`{"input":"a","tools":[{"type":"web_search"}]}`:                                                 `400 tools[0]`,
		`{"input":[{"type":"item_reference","id":"x"}]}`:                                                `400 input[0] responses are not stored`,
		`{"input":[{"type":"reasoning"}]}`:                                                              `400 input[0] items of type "reasoning"`,
		`{"input":[{"role":"wizard","content":"a"}]}`:                                                   `400 input[0].role`,
		`{"input":[{"role":"user","content":"a"},{"type":"function_call","name":"f","arguments":"["}]}`: `400 input[1].tool_calls[0]`,
	} {
		w := do(s, "POST", "/v1/responses", body)
		var e struct {
			Error struct{ Message, Param string }
		}
		json.Unmarshal(w.Body.Bytes(), &e)
		if got := fmt.Sprint(w.Code, " ", e.Error.Param, " ", e.Error.Message); !strings.HasPrefix(got, want) {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
}
