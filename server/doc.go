// Package server is emblem over HTTP: vectors of texts and pictures in the
// dialects that people's clients already speak, behind a door that is safe on a
// shared network.
//
// Its few types: Server is made by New from Options and is an http.Handler; Embedder
// is a model as the server needs it, Keys say who may do what, Error is what a
// client gets. A request comes through the guard (guard.go), then through one
// handler, which for vectors turns its dialect into an embedRequest (embed.go) and
// the answer back.
//
// Caveat: without Keys everybody who reaches the port may use it; whoever listens
// beyond loopback is to see to that.
//
//	s, err := server.New(server.Options{Embedders: []server.Embedder{model}})
//	err = s.Serve(ctx, listener)
package server
