// Package columns holds lists of texts, numbers and postings compactly, in memory
// as in a file.
//
// Its few types: Texts are byte strings, front-coded; Numbers are unsigned keys of
// as few bytes as they need; Postings are the places of every value of a
// dictionary; Holders say which of n places have an entry in a list that has
// entries for those only. Encoder and Decoder write and read them, Seal and Unseal
// add and check the sums of a file.
//
// Caveat: what a Decoder returns may lie in the bytes it was given; they must not
// change.
//
//	var b columns.TextBuilder
//	b.Add([]byte("/pictures/1.jpg"))
//	b.Add([]byte("/pictures/2.jpg"))
//	texts := b.Texts()
//	texts.Each(0, texts.Len(), func(i int, s []byte) bool { fmt.Println(i, string(s)); return true })
package columns
