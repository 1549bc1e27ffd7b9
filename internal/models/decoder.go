package models

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
)

// Decoder is an open model that continues texts.
type Decoder struct {
	*decoder.Decoder
	Name string // the public one
}

// OpenDecoder opens a model that continues texts by name. It is not shared, and no
// Budget counts it.
func OpenDecoder(ctx context.Context, name string, o Options) (Decoder, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return Decoder{}, err
	}
	d, err := decoder.Load(ctx, p.dir, decoder.Options{FS: p.files(), Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache})
	if err != nil {
		return Decoder{}, fmt.Errorf("models: %s: %w", p.name, err)
	}
	return Decoder{d, p.name}, nil
}

// Continues tells whether a name is that of a model that continues texts.
func Continues(name string, aliases map[string]string) bool {
	p, err := find(name, aliases)
	if err != nil {
		return false
	}
	conf, err := weights.Folder{Dir: p.dir, FS: p.files()}.Config()
	return err == nil && decoder.Knows(conf.Family)
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
