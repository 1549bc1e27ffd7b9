// Package batch joins the inputs of many callers into batches, so that a model
// that computes several at once is used well, and nobody notices the company.
//
// Its few types: Queue takes inputs by Do and hands them to the function that
// computes a batch; Options shape it; Result is what became of one input; FullError
// says that the queue is full and when to come again.
//
// Inputs that are equal by their Key are computed once, whoever brought them, and
// remembered. Callers are served in turn, an input each, so that a long list does
// not make a short one wait. An input whose callers have all given up is dropped.
// When a batch fails it is halved until the input at fault is alone: it gets the
// error, everybody else a result. It is remembered for a while, so that it spoils no
// other batch; where everything failed, nothing is.
//
// Caveat: results are shared between callers; they must not be written to.
//
//	q := batch.New(embed, batch.Options[string]{Key: batch.KeyOf})
//	defer q.Close()
//	results, err := q.Do(ctx, []string{"a cat", "a dog"})
package batch
