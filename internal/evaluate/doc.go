// Package evaluate measures dual encoders on a small set of drawn scenes whose
// truth is known: what the built-in models are, and aren't, good at.
//
// A Set is a sheet of pictures with captions, queries, twins, choices and
// questions; tools/train/testset.py draws it from seeds that nothing was trained
// on. Run gives Rows: a share, the share that chance would have, and of how many.
// tools/train/evaluate.py computes the rows of the vectors with the reference
// implementation; docs/builtin-models.md has both.
//
// Caveat: a share of 24 twins is only known to some ten points; compare models by
// the rows with many cases.
//
//	rows, err := evaluate.Builtin().Run(ctx, model)
package evaluate
