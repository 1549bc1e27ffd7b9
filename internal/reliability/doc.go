// Package reliability measures how well probabilities fit what is known of hits:
// the expected calibration error and the share of absent things that are found.
//
// testdata/hits.csv.gz has the evidence for hits of pictures and queries that
// nothing was fitted on; tools/golden/probability.py made it, docs/probability.md
// describes it, tools/reliability draws it.
package reliability
