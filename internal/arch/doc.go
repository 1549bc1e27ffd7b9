// Package arch holds the plan of the house as tests: which package stands on
// which floor, what it may import, and that the public packages speak Go values
// only. It has no code of its own.
//
// A room is one package with its floor; the table of rooms is in
// floors_test.go and is printed, the same, in docs/architecture.md. An import
// goes down, or to a room on the same floor that the row names, never up.
//
// Caveat: imports are read from every file, whatever its build constraints, so
// a file for another system obeys the same table.
//
// After a change to the table:
//
//	go test ./internal/arch -rewrite
package arch
