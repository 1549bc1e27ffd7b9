package models

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/fusion/answer"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// OpenAnswerer opens a model that answers questions about pictures of its own weights,
// by name. It is not shared, and stays in memory: a Budget holds room for it, for good.
func OpenAnswerer(ctx context.Context, name string, o Options) (*answer.Model, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return nil, err
	}
	m, err := answer.Load(ctx, p.dir, answer.Options{Name: p.name, FS: p.files(), Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache})
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", p.name, err)
	}
	if o.Budget != nil {
		if err := o.Budget.Hold(p.name, int64(m.Bytes())); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// Answers tells whether a name is that of a model that answers questions about
// pictures of its own weights.
func Answers(name string, aliases map[string]string) bool {
	p, err := find(name, aliases)
	if err != nil {
		return false
	}
	return p.does() == "ask"
}

// does is the command that a model is for, by what its folder says it is: search,
// complete, ask; "" where it is none of these.
func (p place) does() string {
	conf, err := p.folder().Config()
	switch {
	case err != nil:
		return ""
	case answer.Knows(conf.Family):
		return "ask"
	case decoder.Knows(conf.Family):
		return "complete"
	case vit.Knows(conf.Family) || text.Knows(conf.Family):
		return "search"
	}
	return ""
}
