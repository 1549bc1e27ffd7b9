// Package calibrate turns scores into probabilities: how likely it is that a
// picture shows what was asked for. Its answers can be compared between queries,
// between words and pictures, and between models.
//
// Its few types: a Background knows how scores of one model are spread in one
// library; a Judge holds one query against it; an Estimate is evidence in numbers
// and the probability that follows from it.
//
//	b := calibrate.NewBackground(sample, captions, size)
//	p := b.Words(query).Probability(picture)
//
// What a match is, which prior is assumed and how well the estimates do:
// docs/probability.md.
package calibrate
