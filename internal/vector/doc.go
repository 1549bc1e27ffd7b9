// Package vector finds the nearest of many vectors. It is the core that package
// index calls; the truth stays with the caller, who gives it as Rows.
//
// Codes hold every vector in 4 bits a coordinate, with a bound on what that loses. A
// scan over them answers exactly (what the bound can't exclude is compared in
// float32) or nearly so. Graph links the codes, so that a walk sees a few hundred of
// a million; Learn sets what effort gives what recall, from samples of the queries
// to come. The design and its measurements are in docs/index.md.
//
// Caveat: ids are dense. A row keeps its id for good, and a deleted one is only
// marked until Compact unlinks it.
//
//	codes, err := vector.NewCodes(vector.Options{Dim: 512}, vector.Mean(rows, n), n)
//	g, err := vector.NewGraph(codes, rows, vector.GraphOptions{})
//	err = g.Add(n)                                         // rows 0 to n−1
//	err = g.Learn(sample)                                  // queries like those to come
//	hits, report, err := g.Search(q, vector.Params{Limit: 10, MinRecall: 0.99})
package vector
