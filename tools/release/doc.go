// Release builds what a version of emblem ships as, from a git tag: an archive
// for each platform, Debian packages, an OCI image, the bill of materials and
// the checksums. It needs git, Go and nothing else.
//
// Its few types: version is the tag taken apart, target is a platform, product
// is a built binary with what goes beside it, entry is a file of an archive.
//
// The same tag gives the same bytes, whatever the folder and the day: paths are
// trimmed from the binaries and every time is that of the tag's commit. Caveat:
// the bytes depend on the Go release that builds them.
//
//	go run ./tools/release v1.2.3
//	go run ./tools/release -snapshot -out /tmp/dist HEAD
package main
