// Package grammar says which bytes may follow, so that what a model writes is JSON of
// a schema.
//
// [Compile] turns a JSON Schema into a [Grammar], a context-free grammar over bytes.
// Its [Machine] is in a [State], which is all the ways in which the text so far can go
// on; [Machine.Next] moves by a byte.
//
// Caveat: a grammar is a part of what its schema allows. Objects have their keys in the
// schema's order and no others than those it names. What cannot be kept is refused by
// its name when the schema is compiled.
//
//	g, err := grammar.Compile([]byte(`{"type":"array","items":{"type":"integer"}}`))
//	m := g.Machine()
//	s := m.Next(m.Start(), '[')
package grammar
