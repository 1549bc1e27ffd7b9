package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/emblem-search/emblem/text/decoder"
)

// tiny is a small decoder that counts what it generates.
type tiny struct {
	*decoder.Decoder
	tokens atomic.Int64
	ended  chan error // gets what each text ended with
	pause  time.Duration
}

func (c *tiny) Name() string { return "org/tiny" }

func (c *tiny) CompleteTokens(ctx context.Context, ids []int32, r decoder.Request, each func(decoder.Piece) error) (decoder.Usage, error) {
	u, err := c.Decoder.CompleteTokens(ctx, ids, r, func(p decoder.Piece) error {
		c.tokens.Add(1)
		time.Sleep(c.pause)
		return each(p)
	})
	select {
	case c.ended <- err:
	default:
	}
	return u, err
}

const decoderFolders = "../text/decoder/testdata/"

func newTiny(t *testing.T) *tiny {
	t.Helper()
	d, err := decoder.Load(t.Context(), decoderFolders+"gpt2", decoder.Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &tiny{Decoder: d, ended: make(chan error, 64)}
}

// golden are the reference's greedy texts.
func goldenTexts(t *testing.T) (prompts, texts []string) {
	var meta struct {
		Runs []struct{ Prompt, Text string }
	}
	raw, err := os.ReadFile(decoderFolders + "gpt2.json")
	if err == nil {
		err = json.Unmarshal(raw, &meta)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range meta.Runs {
		prompts, texts = append(prompts, r.Prompt), append(texts, r.Text)
	}
	return prompts, texts
}

// TestCompletions: OpenAI's client gets the reference's texts, whole and as a stream,
// one and several at a time, with usage and probabilities.
func TestCompletions(t *testing.T) {
	s := newTest(t, Options{Completers: []Completer{newTiny(t)}})
	web := httptest.NewServer(s)
	defer web.Close()
	client := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("x"), option.WithMaxRetries(0))
	prompts, texts := goldenTexts(t)
	ask := openai.CompletionNewParams{Model: "tiny", MaxTokens: openai.Int(40), Temperature: openai.Float(0)}

	ask.Prompt.OfArrayOfStrings = prompts
	got, err := client.Completions.New(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	tokens := int64(0)
	for i, c := range got.Choices {
		if c.Text != texts[i] || c.Index != int64(i) || string(c.FinishReason) != "length" {
			t.Errorf("choice %d: %+v, want %q", i, c, texts[i])
		}
	}
	if len(got.Choices) != len(prompts) || got.Usage.TotalTokens != got.Usage.PromptTokens+got.Usage.CompletionTokens || got.Usage.CompletionTokens < 100 {
		t.Errorf("%+v", got.Usage)
	}

	ask.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Completions.NewStreaming(t.Context(), ask)
	streamed := make([]string, len(prompts))
	for stream.Next() {
		part := stream.Current()
		for _, c := range part.Choices {
			streamed[c.Index] += c.Text
		}
		tokens += part.Usage.CompletionTokens
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range streamed {
		if streamed[i] != texts[i] {
			t.Errorf("stream %d: %q, want %q", i, streamed[i], texts[i])
		}
	}
	if tokens != got.Usage.CompletionTokens {
		t.Errorf("the stream says %d tokens, the answer %d", tokens, got.Usage.CompletionTokens)
	}

	rich, err := client.Completions.New(t.Context(), openai.CompletionNewParams{
		Model: "org/tiny", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String(prompts[0])}, N: openai.Int(3), Logprobs: openai.Int(2), Seed: openai.Int(5),
		Temperature: openai.Float(1.5), Stop: openai.CompletionNewParamsStopUnion{OfStringArray: []string{"a", "e"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range rich.Choices {
		if len(c.Logprobs.Tokens) == 0 || len(c.Logprobs.TopLogprobs[0]) == 0 || strings.ContainsAny(c.Text, "ae") || i > 0 && c.Text == rich.Choices[0].Text {
			t.Errorf("choice %d: %+v", i, c)
		}
	}
	w := do(s, "POST", "/v1/completions", `{"prompt":"a","max_tokens":60,"temperature":0,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"array","items":{"type":"boolean"},"maxItems":1}}}}`)
	var answer completionsAnswer
	if json.Unmarshal(w.Body.Bytes(), &answer); w.Code != 200 || !json.Valid([]byte(answer.Choices[0].Text)) || *answer.Choices[0].Finish != "stop" {
		t.Errorf("not of the schema: %s", w.Body)
	}
	list, err := client.Models.List(t.Context())
	if err != nil || len(list.Data) != 2 || list.Data[1].ID != "org/tiny" {
		t.Errorf("%v %+v", err, list)
	}
}

// TestCompletionsRefusals: what cannot be done is said in OpenAI's shape, of a stream
// too.
func TestCompletionsRefusals(t *testing.T) {
	s := newTest(t, Options{Completers: []Completer{newTiny(t)}})
	for body, want := range map[string]string{
		`{"prompt":"` + strings.Repeat("word ", 40) + `"}`:               `400 context_length_exceeded prompt the prompt has`,
		`{"prompt":"` + strings.Repeat("word ", 40) + `","stream":true}`: `400 context_length_exceeded prompt the prompt has`,
		`{}`:                                              `400 invalid_value prompt prompt has to be`,
		`{"prompt":[]}`:                                   `400 invalid_value prompt prompt has to be`,
		`{"prompt":[1,2.5]}`:                              `400 invalid_value prompt prompt has to be`,
		`{"prompt":[[1],"a",null]}`:                       `400 invalid_value prompt prompt has to be`,
		`{"prompt":[300]}`:                                `400 invalid_value prompt token 0 of the prompt is 300`,
		`{"prompt":[-1]}`:                                 `400 invalid_value prompt token 0 of the prompt is -1`,
		`{"prompt":"a","temperature":-1}`:                 `400 invalid_value temperature temperature is -1`,
		`{"prompt":"a","top_p":2,"stream":true}`:          `400 invalid_value top_p top_p is 2`,
		`{"prompt":"a","max_tokens":0}`:                   `400 invalid_value max_tokens max_tokens is 0`,
		`{"prompt":"a","n":129}`:                          `400 invalid_value n 129 choices`,
		`{"prompt":"a","n":0}`:                            `400 invalid_value n 0 choices`,
		`{"prompt":"a","logprobs":101}`:                   `400 invalid_value logprobs 101`,
		`{"prompt":"a","stop":{}}`:                        `400 invalid_value stop stop has to be`,
		`{"prompt":"a","response_format":{"type":"xml"}}`: `400 invalid_value response_format`,
		`{"prompt":"a","response_format":{"type":"json_schema"}}`:                                                            `400 invalid_value response_format`,
		`{"prompt":"a","response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","format":"date"}}}}`: `400 invalid_value response_format the schema: "format" is not supported`,
		`{"prompt":"a","echo":true}`:                `400 invalid_value echo echo is not supported`,
		`{"prompt":"a","logit_bias":{"5":1}}`:       `400 invalid_value logit_bias`,
		`{"prompt":"a","model":"gpt-5"}`:            `404 model_not_found model no model "gpt-5"`,
		`{"prompt":"a","presence_penalty":0.5}`:     `400 invalid_value presence_penalty`,
		`{"prompt":"a","best_of":3}`:                `400 invalid_value best_of`,
		`{"prompt":"a","suffix":"b"}`:               `400 invalid_value suffix`,
		`{"prompt":"a","repetition_penalty":1e300}`: `400 invalid_value repetition_penalty`,
	} {
		w := do(s, "POST", "/v1/completions", body)
		var e struct {
			Error struct{ Message, Code, Param string }
		}
		json.Unmarshal(w.Body.Bytes(), &e)
		if got := fmt.Sprint(w.Code, " ", e.Error.Code, " ", e.Error.Param, " ", e.Error.Message); !strings.HasPrefix(got, want) {
			t.Errorf("%.60s: %s, want %s", body, got, want)
		}
	}
	if w := do(newTest(t, Options{}), "POST", "/v1/completions", `{"prompt":"a"}`); w.Code != 404 || !strings.Contains(w.Body.String(), "continues texts is loaded") {
		t.Error(w.Code, w.Body)
	}
}

// TestLeaving: a client that leaves in the middle ends its text within a token or two,
// and others that are continued at the same time are not disturbed.
func TestLeaving(t *testing.T) {
	plain, talks := newTiny(t), newTalking(t)
	s := newTest(t, Options{Completers: []Completer{plain}, Chatters: []Chatter{talks}})
	web := httptest.NewServer(s)
	defer web.Close()
	leaves(t, plain, web.URL+"/v1/completions", `{"model":"tiny","prompt":"a","max_tokens":60,"stream":true,"logprobs":0}`)
	leaves(t, talks.tiny, web.URL+"/v1/chat/completions", `{"model":"talking","messages":[{"role":"user","content":"a"}],"max_tokens":60,"stream":true,"logprobs":true,"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"array","items":{"type":"string"},"minItems":99}}}}`)
}

// leaves sends a request and hears five parts of its answer.
func leaves(t *testing.T, model *tiny, url, body string) {
	t.Helper()
	model.pause = 20 * time.Millisecond
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines, n := bufio.NewScanner(answer.Body), 0
	for n < 5 && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			n++
		}
	}
	if n < 5 {
		t.Fatalf("%s: the text ended after %d parts: %s", url, n, answer.Status)
	}
	leave()
	select {
	case err := <-model.ended:
		if err == nil {
			t.Errorf("%s: the text went on to its end", url)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: the text goes on", url)
	}
	if n := model.tokens.Load(); n > 30 {
		t.Errorf("%s: %d tokens were generated for a client that left after 5", url, n)
	}
}
