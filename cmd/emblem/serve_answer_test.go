package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/server"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// TestServeAnswerer: a model that answers is served by its name, for questions and in
// conversations, with the reference's tokens.
func TestServeAnswerer(t *testing.T) {
	d := newDesk(t)
	base, _, stop, errs := startServe(t, d, "--model", "see="+answerers+"smolvlm", "--dtype", "f32")
	defer stop()
	r := askRuns(t, "smolvlm")[0]
	file, err := os.ReadFile(askedAbout + r.Pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	url := "data:image/png;base64," + base64.StdEncoding.EncodeToString(file)
	ask := func(path string, body map[string]any, to any) {
		t.Helper()
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if code := post(t, base+path, string(raw), to); code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, errs)
		}
	}
	var said struct {
		Answer   string
		IDs      []int32
		Evidence *toldEvidence
		Usage    struct{ Tiles int }
	}
	ask("/v1/ask", map[string]any{"question": r.Question, "image": url, "max_tokens": 12, "evidence": true}, &said)
	if !slices.Equal(said.IDs, r.New) || said.Usage.Tiles != 7 || said.Evidence == nil || len(said.Evidence.Boxes) == 0 {
		t.Errorf("%+v, want the tokens %v", said, r.New)
	}
	var talked struct {
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Details struct {
				Cached   int `json:"cached_tokens"`
				Pictures int `json:"image_tokens"`
			} `json:"prompt_tokens_details"`
		}
	}
	parts := []map[string]any{{"type": "image_url", "image_url": map[string]any{"url": url}}, {"type": "text", "text": r.Question}}
	ask("/v1/chat/completions", map[string]any{"model": "see", "max_tokens": 12, "messages": []map[string]any{{"role": "user", "content": parts}}}, &talked)
	if len(talked.Choices) != 1 || strings.TrimSpace(talked.Choices[0].Message.Content) != said.Answer || talked.Usage.Details.Pictures != 63 || talked.Usage.Details.Cached < 64 {
		t.Errorf("%+v, want %q", talked, said.Answer)
	}
}

// TestAnswering: the model as the server takes it says what is wrong in the server's
// words.
func TestAnswering(t *testing.T) {
	m, err := models.OpenAnswerer(context.Background(), answerers+"idefics3", models.Options{DType: "f32"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	v := &looker{answering: answering{model: m, name: "see", encoding: semaphore.NewWeighted(1)}}
	file, err := os.ReadFile(askedAbout + "wide.png")
	if err != nil {
		t.Fatal(err)
	}
	img, err := picture.Decode(file, picture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := server.PictureQuestion{Picture: server.Picture{Image: img, MaxTiles: 5}, Question: "What is it?", Candidates: []string{"a dog", "cats"}}
	a, err := v.Ask(context.Background(), context.Background(), q, nil)
	if err != nil || a.Tiles > 5 || len(a.Alternatives) != 2 || a.Text != a.Alternatives[0].Answer {
		t.Errorf("%+v %v", a, err)
	}
	refine, cancel := context.WithCancel(context.Background())
	cancel()
	if a, err := v.Ask(context.Background(), refine, q, nil); err != nil || a.Tiles != 1 {
		t.Errorf("no time is left, and %d tiles are looked at: %v", a.Tiles, err)
	}
	q.Candidates, q.Question = nil, "what is <image>?"
	if _, err := v.Ask(context.Background(), context.Background(), q, nil); !isClientError(err, http.StatusBadRequest) {
		t.Errorf("%v", err)
	}
	if at, err := v.Evidence(context.Background(), server.PictureQuestion{Picture: q.Picture, Question: "What?"}, "cats"); err != nil || at.Width < 2 || slices.Max(at.Values) != 1 {
		t.Errorf("%+v %v", at, err)
	}
	c := server.Conversation{Messages: []chat.Message{{Role: "user", Parts: []chat.Part{{Type: chat.ImagePart}}}}}
	var wrong *decoder.RequestError
	if _, err := v.Chat(context.Background(), c, decoder.Request{}, nil); !errors.As(err, &wrong) {
		t.Errorf("a picture is missing: %v", err)
	}
}

// isClientError tells whether an error is the client's, with a status.
func isClientError(err error, status int) bool {
	e, ok := err.(*server.Error)
	return ok && e.Status == status
}
