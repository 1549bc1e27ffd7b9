// Package lint holds the habits of the house as tests: formatting, vet,
// staticcheck, names, sizes, a doc.go in every package, no leftovers. It has no
// code of its own.
//
// Caveat: vet and staticcheck look at the whole module and take a minute when
// nothing is cached; go test -short skips those two and says so.
//
//	go test ./internal/lint
package lint
