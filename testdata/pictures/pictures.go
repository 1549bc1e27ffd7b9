// Package pictures holds the sample pictures, for a server that has nothing else
// to show yet. README.md says whose they are.
package pictures

import "embed"

// Files are the pictures, and captions.json, which says what each shows.
//
//go:embed *.jpg captions.json
var Files embed.FS
