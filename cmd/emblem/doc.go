// Emblem searches pictures by meaning: one static binary with its own models'
// runtime, vector index and command line.
//
// The command's few types: app carries what every command shares (configuration,
// output, logger), cliError carries the kind that decides the exit code, and
// owner is the process's hold on a data directory.
//
// Standard output carries data only; progress, warnings and the one sentence of
// a fatal error go to standard error.
//
//	emblem index ~/Pictures && emblem search "sunset over water"
package main
