package answer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// chatter is a net that can go on with a conversation.
type chatter interface {
	chat(ctx context.Context, messages []chat.Message, o chat.Options, states []*ImageState, r decoder.Request, each func(decoder.Piece) error) (Usage, error)
}

// Chat goes on with a conversation by the model's template and calls each with what
// comes. States are the pictures of all messages, in the order of their places.
func (m *Model) Chat(ctx context.Context, messages []chat.Message, o chat.Options, states []*ImageState, r decoder.Request, each func(decoder.Piece) error) (Usage, error) {
	places := 0
	for _, msg := range messages {
		places += msg.Pictures()
	}
	switch {
	case places != len(states):
		return Usage{}, &PictureError{fmt.Sprintf("%d pictures, and %d places for them in the messages", len(states), places)}
	case len(states) > mostPictures:
		return Usage{}, &PictureError{fmt.Sprintf("%d pictures; %s takes %d in a conversation at most", len(states), m.name, mostPictures)}
	case slices.Contains(states, nil):
		return Usage{}, errors.New("answer: a state is nil")
	}
	c, ok := m.net.(chatter)
	if !ok {
		return Usage{}, &UnsupportedError{m.family, "go on with a conversation"}
	}
	return c.chat(ctx, messages, o, states, r, each)
}

// Language is what the model writes its answers with, and how it was taught to
// converse. A family that cannot is an [UnsupportedError], a folder without a template
// chat.ErrNone. Both go on belonging to the model.
func (m *Model) Language() (*decoder.Decoder, *chat.Template, error) {
	p, ok := m.net.(*prefix)
	if !ok {
		return nil, nil, &UnsupportedError{m.family, "go on with a conversation"}
	}
	if p.template == nil {
		return nil, nil, chat.ErrNone
	}
	return p.decoder, p.template, nil
}

// chat implements chatter.
func (p *prefix) chat(ctx context.Context, messages []chat.Message, o chat.Options, states []*ImageState, r decoder.Request, each func(decoder.Piece) error) (Usage, error) {
	if p.template == nil {
		return Usage{}, chat.ErrNone
	}
	prompt, err := p.template.Render(messages, o)
	if err != nil {
		return Usage{}, err
	}
	a, err := p.place(states, prompt)
	if err != nil {
		return Usage{}, err
	}
	r.Inserts = a.inserts
	u, err := p.decoder.CompleteTokens(ctx, a.ids, r, each)
	return Usage{u, a.tokens}, err
}

// asks is the prompt of a question about n pictures: by the folder's template, or as
// the family's first models were taught.
func (p *prefix) asks(n int, question string) (string, error) {
	if p.template == nil {
		return p.prompt(n, question), nil
	}
	m := chat.Message{Role: "user", Parts: slices.Repeat([]chat.Part{{Type: chat.ImagePart}}, n)}
	m.Parts = append(m.Parts, chat.Part{Type: chat.TextPart, Text: question})
	return p.template.Render([]chat.Message{m}, chat.Options{})
}
