package decoder

import (
	"context"
	"errors"
	"strings"
)

// Piece is a part of a completion: a token, and the text that is certain with it.
type Piece struct {
	Token
	Text string // may be empty, where a character or a stop string is not complete
}

// Complete continues a string and calls each with the pieces that follow. Strings of
// r.Stop end the text and are not part of it.
func (d *Decoder) Complete(ctx context.Context, prompt string, r Request, each func(Piece) error) (Usage, error) {
	ids, err := d.Encode(prompt)
	if err != nil {
		return Usage{}, err
	}
	return d.CompleteTokens(ctx, ids, r, each)
}

// Encode turns a prompt into tokens. An empty one is the token that texts begin with,
// if the model has one.
func (d *Decoder) Encode(prompt string) ([]int32, error) {
	if d.noText != nil {
		return nil, d.noText
	}
	ids := d.tokenizer.Encode(prompt, true)
	if bos, ok := d.tokenizer.BOS(); ok && len(ids) == 0 {
		ids = []int32{bos}
	}
	return ids, nil
}

// TokenText is a token alone as text; a part of a character is U+FFFD.
func (d *Decoder) TokenText(id int32) string {
	if d.noText != nil {
		return ""
	}
	return d.tokenizer.Decode([]int32{id}, false)
}

// errStopped ends a generation that has come to a stop string.
var errStopped = errors.New("decoder: a stop string")

// CompleteTokens is Complete for a prompt that is token ids already.
func (d *Decoder) CompleteTokens(ctx context.Context, ids []int32, r Request, each func(Piece) error) (Usage, error) {
	if d.noText != nil {
		return Usage{}, d.noText
	}
	before := ids
	if d.net.config.encoder != nil {
		before = nil // what follows is a text of its own
	}
	stream := d.tokenizer.Stream(before)
	hold := holder{stops: r.Stop}
	usage, err := d.Generate(ctx, ids, r, func(t Token) error {
		fresh := stream.Push(t.ID)
		if t.Finish != "" {
			fresh += stream.Flush()
		}
		p := Piece{Token: t}
		var stopped bool
		if p.Text, stopped = hold.push(fresh, t.Finish != ""); stopped {
			p.Finish = Stop
		}
		if err := each(p); err != nil {
			return err
		}
		if stopped {
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		err = nil
	}
	return usage, err
}

// holder keeps text back that may be the beginning of a stop string.
type holder struct {
	stops []string
	held  string
}

// push takes text and returns what is certain not to be part of a stop string;
// stopped says that one is complete. last says that no more text comes.
func (h *holder) push(fresh string, last bool) (text string, stopped bool) {
	h.held += fresh
	first := -1
	for _, s := range h.stops {
		if at := strings.Index(h.held, s); s != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	if first >= 0 {
		return h.held[:first], true
	}
	keep := 0
	for _, s := range h.stops {
		for n := min(len(s)-1, len(h.held)); n > keep && !last; n-- {
			if strings.HasSuffix(h.held, s[:n]) {
				keep = n
			}
		}
	}
	text, h.held = h.held[:len(h.held)-keep], h.held[len(h.held)-keep:]
	return text, false
}
