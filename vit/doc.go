// Package vit turns pictures into features: vision transformers of every family
// that emblem reads, from the folders that their authors publish.
//
// A [Preprocess] is a model's way from a picture to pixels, as a list of named
// steps; [Pixels] are its result. An [Encoder] turns pixels into vectors. A
// family is a row in families (which configuration, which class defaults) and a
// weights.Layout in layouts.go.
//
// Caveat: vectors come as the model makes them; package fusion gives them unit
// length.
//
//	enc, err := vit.Load(ctx, "clip-vit-base-patch32", vit.Options{})
//	px, err := enc.Preprocess().Apply(img)
//	vectors, err := enc.Embed(ctx, []vit.Pixels{px}, vit.Own)
package vit
