// Reliability draws how well the probabilities of hits fit what is known of them,
// for docs/probability.md.
//
//	go run ./tools/reliability internal/reliability/testdata/hits.csv.gz > docs/reliability.svg
package main
