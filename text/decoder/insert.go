package decoder

import "github.com/emblem-search/emblem/internal/tensor"

// Insert puts embeddings into a prompt in the place of those of its tokens: what a
// picture has become, where the prompt has a token that stands for it again and again.
// Keys and values of them are shared by prompts as those of tokens are.
type Insert struct {
	At   int       // the first token that is replaced
	Rows []float32 // (N, C); they must not change any more
	Key  [32]byte  // names Rows by their content: what has one key is equal
}

// Width is the number of elements of an embedding, C.
func (d *Decoder) Width() int { return d.net.config.width }

// checkInserts tells whether embeddings fit a prompt of n tokens.
func (d *Decoder) checkInserts(list []Insert, n int) error {
	c, free := d.net.config, 0
	if len(list) > 0 && (!c.rope.ok() || c.encoder != nil || c.magnify != 0) {
		return wrong("inserts", "the model takes tokens only")
	}
	for i, in := range list {
		rows := len(in.Rows) / c.width
		switch {
		case rows == 0 || rows*c.width != len(in.Rows):
			return wrong("inserts", "insert %d has %d numbers, want a multiple of %d", i, len(in.Rows), c.width)
		case in.At < free || in.At+rows > n:
			return wrong("inserts", "insert %d replaces tokens %d to %d, and %d to %d are free", i, in.At, in.At+rows-1, free, n-1)
		}
		free = in.At + rows
	}
	return nil
}

// insert is what replaces the token at a position, and which row of it; nil: nothing.
func (q *sequence) insert(width, at int) (*Insert, int) {
	for i := range q.inserts {
		in := &q.inserts[i]
		if row := at - in.At; row >= 0 && row < len(in.Rows)/width {
			return in, row
		}
	}
	return nil, 0
}

// insert writes what replaces tokens over their embeddings x (T, C).
func insert(s *tensor.Stream, p pass, x tensor.Tensor) {
	if len(p.inserted) == 0 {
		return
	}
	defer s.Release(s.Mark())
	rows, at := s.NewDense(tensor.F32, len(p.inserted), x.Cols()), s.NewDense(tensor.I32, len(p.inserted)) // (I, C), (I)
	tensor.Put(s, rows, p.features)
	tensor.Put(s, at, p.inserted)
	s.Do(&tensor.Scatter{X: rows, At: at, Y: x})
}
