// Package ask answers questions about pictures with any dual encoder, without weights
// of its own: a question becomes statements, one for each answer that it may have, and
// the picture says which of them fits best (Song and others, TAP-C, arXiv 2203.07190).
//
// [Parse] reads a [Question] by grammar, in English and German. [Answerer] turns it into
// statements over closed vocabularies, compares their vectors with a [State], which is a
// picture encoded once, and returns an [Answer]: alternatives with calibrated
// probabilities, or an abstention. [Locate] says where in the picture the answer was
// seen, [Mask] takes that away, so that the question can be asked again.
//
// Caveat: what the grammar does not cover is refused with an [UncoveredError], never
// guessed. The probabilities were fitted on drawn scenes; docs/ask.md has the figures.
//
//	a := ask.New(model)
//	state, err := a.Encode(ctx, img, ask.Options{})
//	answer, err := a.Answer(ctx, "what colour is the car?", state, nil)
package ask
