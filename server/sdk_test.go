package server

import (
	"errors"
	"math"
	"net/http/httptest"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// TestOpenAIClient uses the server as people do who have OpenAI's own client.
func TestOpenAIClient(t *testing.T) {
	keys := ring{"sk-test": {Name: "sdk", Scopes: []Scope{ScopeEmbed, ScopeAsk}}}
	s := newTest(t, Options{Keys: keys})
	web := httptest.NewServer(s)
	defer web.Close()
	client := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))

	got, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
		Model: "fake-clip", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a cat", dataURL(red)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || len(got.Data[0].Embedding) != fakeDim || got.Usage.PromptTokens != 7 {
		t.Errorf("got %+v", got)
	}
	var length float64
	for _, x := range got.Data[1].Embedding {
		length += x * x
	}
	if math.Abs(length-1) > 1e-5 {
		t.Errorf("a vector's length is %g", length)
	}
	models, err := client.Models.List(t.Context())
	if err != nil || len(models.Data) != 1 || models.Data[0].ID != "org/fake-clip" {
		t.Errorf("%v: %+v", err, models)
	}
	if m, err := client.Models.Get(t.Context(), "org/fake-clip"); err != nil || m.ID != "org/fake-clip" {
		t.Errorf("%v: %+v", err, m)
	}

	var refused *openai.Error
	_, err = client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "gpt-4", Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String("a")}})
	if !errors.As(err, &refused) || refused.StatusCode != 404 || refused.Code != "model_not_found" || refused.Param != "model" {
		t.Errorf("another model: %v", err)
	}
	_, err = client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "any", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}})
	if !errors.As(err, &refused) || refused.StatusCode != 404 || refused.Code != "model_not_found" {
		t.Errorf("a question: %v", err)
	}
	stranger := openai.NewClient(option.WithBaseURL(web.URL+"/v1"), option.WithAPIKey("sk-other"), option.WithMaxRetries(0))
	if _, err = stranger.Models.List(t.Context()); !errors.As(err, &refused) || refused.StatusCode != 401 {
		t.Errorf("another key: %v", err)
	}
}
