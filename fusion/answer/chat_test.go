package answer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// TestChat: a conversation of one question is the question; one that goes on finds
// what it begins with in the cache; a folder without a template asks in the same
// words.
func TestChat(t *testing.T) {
	cases(t, func(t *testing.T, m *Model, _ *golden.File, runs []run) {
		ctx, r := context.Background(), runs[0]
		states := m.encoded(t, r.Pictures, PictureOptions{})
		ask := chat.Message{Role: "user", Parts: []chat.Part{{Type: chat.ImagePart}, {Type: chat.TextPart, Text: r.Question}}}
		say := func(messages []chat.Message, states []*ImageState) ([]int32, Usage) {
			t.Helper()
			var ids []int32
			u, err := m.Chat(ctx, messages, chat.Options{}, states, decoder.Request{MaxTokens: len(r.New)}, func(p decoder.Piece) error {
				ids = append(ids, p.ID)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return ids, u
		}
		if ids, u := say([]chat.Message{ask}, states); !slices.Equal(ids, r.New) || u.Prompt != len(r.IDs) {
			t.Errorf("%v after %d tokens, want %v after %d", ids, u.Prompt, r.New, len(r.IDs))
		}
		_, u := say([]chat.Message{ask, chat.Text("assistant", "A fox."), ask}, []*ImageState{states[0], states[0]})
		if u.Cached < len(r.IDs)-32 || u.Pictures != 2*states[0].Tokens {
			t.Errorf("%+v of a second question after one of %d tokens", u, len(r.IDs))
		}
		p := m.net.(*prefix)
		with, err := p.ask(states, r.Question)
		if err != nil {
			t.Fatal(err)
		}
		bare := *p
		bare.template = nil
		if without, err := bare.ask(states, r.Question); err != nil || without.text != with.text {
			t.Errorf("%q without a template, %q with it: %v", without.text, with.text, err)
		}
		var wrong *PictureError
		if _, err := m.Chat(ctx, []chat.Message{ask}, chat.Options{}, nil, decoder.Request{}, nil); !errors.As(err, &wrong) {
			t.Errorf("a picture that is missing: %v", err)
		}
		if _, err := m.Answer(ctx, states, "an <image> of what?", Request{}); !errors.As(err, &wrong) {
			t.Errorf("a question with a place for a picture: %v", err)
		}
	})
}

// TestTooLong: a prompt past the context is refused with counts.
func TestTooLong(t *testing.T) {
	m := open(t, "testdata/idefics3", Options{DType: "f32"})
	states := m.encoded(t, []string{"long.png", "palette.png", "alpha.png", "grey.png"}, PictureOptions{})
	_, err := m.Answer(context.Background(), states, "what?", Request{})
	var long *decoder.TooLongError
	if !errors.As(err, &long) || long.Tokens <= long.Limit || long.Limit != m.Sizes().Context {
		t.Errorf("%v", err)
	}
	if _, err := m.Answer(context.Background(), m.encoded(t, []string{"long.png", "palette.png", "alpha.png", "grey.png"}, PictureOptions{Detail: "low"}), "what?", Request{}); err != nil {
		t.Errorf("the whole pictures only: %v", err)
	}
}
