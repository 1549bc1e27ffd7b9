package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
)

// Decoder is an open model that continues texts.
type Decoder struct {
	*decoder.Decoder
	Name     string // the public one
	Family   string // what the folder says it is: gpt2, llama, …
	Template *chat.Template
	NoChat   error // why there is no Template
}

// Prompt turns a conversation into tokens, as the model's template has it. What is wrong
// with the conversation is a *chat.RefusedError or a *decoder.RequestError.
func (d Decoder) Prompt(messages []chat.Message, o chat.Options) ([]int32, error) {
	if d.Template == nil {
		return nil, d.NoChat
	}
	tokens, err := d.Tokenizer()
	if err != nil {
		return nil, err
	}
	prompt, err := d.Template.Render(messages, o)
	var refused *chat.RefusedError
	switch {
	case errors.As(err, &refused):
		return nil, err
	case err != nil:
		return nil, &decoder.RequestError{Param: "prompt", Message: err.Error()}
	}
	return tokens.Encode(prompt, false), nil // the template has written the special tokens
}

// OpenDecoder opens a model that continues texts by name. It is not shared, and
// stays in memory: a Budget holds room for it, for good.
func OpenDecoder(ctx context.Context, name string, o Options) (Decoder, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return Decoder{}, err
	}
	d, err := decoder.Load(ctx, p.dir, decoder.Options{FS: p.files(), Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache, Window: o.Window, Sinks: o.Sinks})
	if err != nil {
		return Decoder{}, fmt.Errorf("models: %s: %w", p.name, err)
	}
	if o.Budget != nil {
		if err := o.Budget.Hold(p.name, int64(d.Bytes())); err != nil {
			d.Close()
			return Decoder{}, err
		}
	}
	out := Decoder{Decoder: d, Name: p.name}
	if conf, err := p.folder().Config(); err == nil { // it was read a moment ago
		out.Family = conf.Family
	}
	out.Template, out.NoChat = chat.Load(p.dir, p.files())
	return out, nil
}

// Continues tells whether a name is that of a model that continues texts.
func Continues(name string, aliases map[string]string) bool {
	p, err := find(name, aliases)
	if err != nil {
		return false
	}
	return p.does() == "complete"
}

// prompts is the tokenizer of a model that continues texts: none is cut.
type prompts struct {
	*text.Tokenizer
	name string
}

func openPrompts(p place) (Tokenizer, error) {
	t, err := text.LoadTokenizer(p.dir, text.TokenizerOptions{})
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", p.name, err)
	}
	return prompts{t, p.name}, nil
}

// Name implements Tokenizer.
func (p prompts) Name() string { return p.name }

// PicturesOnly implements Tokenizer.
func (p prompts) PicturesOnly() bool { return false }

// EncodeText implements Tokenizer.
func (p prompts) EncodeText(s string, _ fusion.Cut) ([]int32, bool, error) {
	return p.Encode(s, true), false, nil
}
