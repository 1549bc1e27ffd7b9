package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// TestServeConversations: OpenAI's client streams the reference's greedy text about
// pictures, from data URLs and from a library, and a language model beside it answers
// in conversations too.
func TestServeConversations(t *testing.T) {
	var meta struct {
		Runs []struct {
			Pictures       []string
			Question, Text string
			How            struct {
				Split *bool `json:"do_image_splitting"`
			}
			New []int32
		}
	}
	const looks = "../../fusion/answer/testdata/smolvlm"
	raw, err := os.ReadFile(looks + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &meta)
	}
	if err != nil {
		t.Fatal(err)
	}
	instruct := filepath.Join(t.TempDir(), "tiny-instruct")
	if err := os.CopyFS(instruct, os.DirFS(decoders+"smollm2")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(instruct, "chat_template.jinja"), []byte("{% for m in messages %}{{ m.content }}{% endfor %}"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	base, _, _, errs := startServe(t, d, "--model", looks, "--model", "words="+instruct, "--model", "builtin/search", "--dtype", "f32")
	if s := errs.String(); !strings.Contains(s, "model smolvlm, answers about pictures") || !strings.Contains(s, "model words, answers in conversations") {
		t.Errorf("%s", s)
	}
	client := openai.NewClient(option.WithBaseURL(base+"/v1"), option.WithAPIKey("x"), option.WithMaxRetries(0))
	for _, r := range meta.Runs {
		parts := []openai.ChatCompletionContentPartUnionParam{}
		for _, name := range r.Pictures {
			file, err := os.ReadFile("../../fusion/testdata/pictures/" + name)
			if err != nil {
				t.Fatal(err)
			}
			image := openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)}
			if r.How.Split != nil && !*r.How.Split {
				image.Detail = "low"
			}
			parts = append(parts, openai.ImageContentPart(image))
		}
		ask := openai.ChatCompletionNewParams{
			Model: "smolvlm", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(append(parts, openai.TextContentPart(r.Question)))},
			MaxTokens: openai.Int(int64(len(r.New))), Temperature: openai.Float(0), StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
		}
		stream, all := client.Chat.Completions.NewStreaming(t.Context(), ask), openai.ChatCompletionAccumulator{}
		for stream.Next() {
			all.AddChunk(stream.Current())
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(all.Choices[0].Message.Content); got != strings.TrimSpace(r.Text) || all.Usage.CompletionTokens != int64(len(r.New)) {
			t.Errorf("%v %q: %q of %d tokens, want %q of %d", r.Pictures, r.Question, got, all.Usage.CompletionTokens, r.Text, len(r.New))
		}
	}
	got, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "words", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hi")}, MaxTokens: openai.Int(5)})
	if err != nil || got.Model != "words" || got.Usage.CompletionTokens != 5 {
		t.Errorf("%v %+v", err, got)
	}
	for body, want := range map[string]string{
		`{"messages":[{"role":"user","content":"an <image> of what?"}]}`:                                                                   "<image>",
		`{"model":"words","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`: "reads text",
	} {
		var e struct{ Error struct{ Message string } }
		if status := post(t, base+"/v1/chat/completions", body, &e); status != 400 || !strings.Contains(e.Error.Message, want) {
			t.Errorf("%s: %d %+v", body, status, e)
		}
	}
}

// TestServeSingle: a model that answers one question about a picture is asked by the
// same clients, with one message.
func TestServeSingle(t *testing.T) {
	d := newDesk(t)
	base, _, _, _ := startServe(t, d, "--model", answerers+"vilt", "--model", answerers+"blip", "--dtype", "f32", "--data", "none")
	client := openai.NewClient(option.WithBaseURL(base+"/v1"), option.WithAPIKey("x"), option.WithMaxRetries(0))
	for _, model := range []string{"vilt", "blip"} {
		r := askRuns(t, model)[0]
		file, err := os.ReadFile(askedAbout + r.Pictures[0])
		if err != nil {
			t.Fatal(err)
		}
		url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
		ask := openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(r.Question), openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: url}),
		})}}
		if len(r.New) > 0 {
			ask.MaxTokens = openai.Int(int64(len(r.New)))
		}
		stream, all := client.Chat.Completions.NewStreaming(t.Context(), ask), openai.ChatCompletionAccumulator{}
		for stream.Next() {
			all.AddChunk(stream.Current())
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		if c := all.Choices[0]; c.Message.Content != r.Text || c.FinishReason == "" {
			t.Errorf("%s: %q (%s), want %q", model, c.Message.Content, c.FinishReason, r.Text)
		}
		ask.Logprobs = openai.Bool(true)
		if _, err := client.Chat.Completions.New(t.Context(), ask); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("%s, probabilities: %v", model, err)
		}
		ask.Logprobs, ask.Messages = openai.Bool(false), append(ask.Messages, openai.AssistantMessage("A fox."), openai.UserMessage("Why?"))
		if _, err := client.Chat.Completions.New(t.Context(), ask); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("%s, a second turn: %v", model, err)
		}
	}
}
