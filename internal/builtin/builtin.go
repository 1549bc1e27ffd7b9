// Package builtin holds the models that are part of the program.
//
// [Search] is a small dual encoder in CLIP's published layout; README.md says
// how it was trained, on what, under which licences, and how good it is.
//
// Caveat: it knows illustrations only, nothing of photographs ([SearchNote]).
//
//	m, err := fusion.Load(ctx, "", fusion.Options{Name: "builtin/search", FS: builtin.Search()})
package builtin

import (
	"embed"
	"io/fs"
)

//go:embed search
var files embed.FS

// SearchNote is what people are told about the model, wherever it is listed.
const SearchNote = "knows illustrations only, nothing of photographs; for photographs name a model such as openai/clip-vit-base-patch32"

// Licence is the weights'.
const Licence = "Apache-2.0"

// Search is the folder of the built-in dual encoder.
func Search() fs.FS {
	sub, err := fs.Sub(files, "search")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}
