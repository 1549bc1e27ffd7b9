package decoder

import "github.com/emblem-search/emblem/internal/tensor"

// Source is what the encoder of another model has made, for a decoder that attends to
// it: the states of a picture, or of a question about one.
type Source struct {
	Rows []float32 // (L, C); they must not change any more
	Key  [32]byte  // names Rows by their content: what has one key is equal

	len int // L
}

// SourceWidth is the number of elements of a state that the decoder attends to, C; 0 if
// it attends to its own tokens and its own encoder only.
func (d *Decoder) SourceWidth() int { return d.net.config.states }

// Start is the token that the texts of an encoder-decoder begin with.
func (d *Decoder) Start() int32 { return d.generation.start }

// attend gives a sequence what it attends to.
func (d *Decoder) attend(q *sequence, s *Source) error {
	c := d.net.config.states
	switch {
	case c == 0 && s != nil:
		return wrong("source", "the model attends to nothing but tokens")
	case c == 0:
		return nil
	case s == nil || len(s.Rows) == 0 || len(s.Rows)%c != 0:
		return wrong("source", "the model attends to states of %d numbers, and there are none", c)
	}
	n := len(s.Rows) / c
	if room := len(d.pages.all) * pageSize / 2; n > room {
		return &TooLongError{n, room, true}
	}
	q.states = &Source{s.Rows, s.Key, n}
	q.origin = key(s.Key)
	q.last = q.origin
	return nil
}

// receive remembers states x (L, S) of another model's encoder, S being what that has.
func (n *net) receive(s *tensor.Stream, x tensor.Tensor, rows []int32, store []tensor.Tensor) {
	defer s.Release(s.Mark())
	if n.Source.Ok() {
		y := s.New(tensor.F32, x.Dim(0), n.config.width) // (L, C)
		n.Source.Forward(s, x, tensor.NoAct, tensor.Tensor{}, y)
		x = y
	}
	n.remember(s, x, rows, store)
}
