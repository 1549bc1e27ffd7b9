package server

// Card says of a model what people want to know.
type Card struct {
	Family     string `json:"family"` // clip, siglip, …
	DType      string `json:"dtype"`  // that it computes in
	Parameters int    `json:"parameters"`
	ImageSide  int    `json:"image_side"`
	TextTokens int    `json:"text_tokens"` // the most that is read of a text
	Licence    string `json:"licence,omitempty"`
	Knows      string `json:"knows,omitempty"` // what it is good for
}

// Carded is what an Embedder can do besides: say what it is.
type Carded interface {
	Card() Card
}

// card is what a model says of itself, nil if it does not.
func (c *encoder) card() *Card {
	model, ok := c.Embedder.(Carded)
	if !ok {
		return nil
	}
	card := model.Card()
	return &card
}
