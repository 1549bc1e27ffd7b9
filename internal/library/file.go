package library

import (
	"io/fs"
	"time"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/picture"
)

// file is what a library knows of one file; its document's id is the absolute
// path.
type file struct {
	path string
	stamp
	hash   string // of the content; see contentHash
	format string // "jpeg", …
	width  int    // as stored in the file
	height int
	taken
	added int64 // Unix seconds
	read  int64 // metadataVersion that read it, or 0

	text      string // that is written in the picture
	describer string // what found words for it, or ""

	gone   int64  // Unix seconds since the file vanished, or 0
	failed string // the kind of error that keeps it from being found, or ""
	reason string // the error
	reader string // what failed to read it; another reader tries again
}

// stamp says whether a file is the same without opening it.
type stamp struct {
	size  int64
	mtime int64 // Unix nanoseconds
	inode int64 // 0 where there is none
}

func stampOf(info fs.FileInfo) stamp {
	return stamp{info.Size(), info.ModTime().UnixNano(), inode(info)}
}

// The keys of a document's metadata.
const (
	keySize   = "size"
	keyMtime  = "mtime"
	keyInode  = "inode"
	keyHash   = "hash"
	keyKind   = "kind"
	keyWidth  = "width"
	keyHeight = "height"
	keyCamera = "camera"
	keyLens   = "lens"
	keyTag    = "tag"
	keyTitle  = "caption"
	keyText   = "text"
	keySource = "source"
	keyTaken  = "taken"
	keyZone   = "zone" // seconds
	keyLat    = "latitude"
	keyLong   = "longitude"
	keyAdded  = "added"
	keyGone   = "gone"
	keyFailed = "failed"
	keyReason = "reason"
	keyReader = "reader"
	keyRead   = "metadata"

	keyDescriber = "describer"
)

// metadataVersion grows with what is read of a file; Verify reads files again
// that an earlier version read.
const metadataVersion = 2

// sourceFile is the source of documents that Index made.
const sourceFile = "file"

// private are the keys that are no fields of filters.
var private = []string{keyMtime, keyInode, keyHash, keyGone, keyFailed, keyReason, keyReader, keyRead, keyDescriber}

// document returns the file as the index stores it, with its vectors by space if
// it has any.
func (f file) document(vectors map[string][][]float32) index.Document {
	d := index.Document{
		ID:      f.path,
		Hidden:  f.gone != 0 || f.failed != "",
		Vectors: vectors,
		Metadata: map[string]any{
			keySize: f.size, keyMtime: f.mtime, keyInode: f.inode, keyHash: f.hash, keyAdded: f.added,
			keySource: sourceFile,
		},
	}
	for key, v := range map[string]string{keyKind: f.format, keyCamera: f.camera, keyLens: f.lens, keyTitle: f.caption, keyText: f.text, keyDescriber: f.describer, keyFailed: f.failed, keyReason: f.reason, keyReader: f.reader} {
		if v != "" {
			d.Metadata[key] = v
		}
	}
	for key, v := range map[string]int64{keyWidth: int64(f.width), keyHeight: int64(f.height), keyTaken: f.at, keyGone: f.gone, keyRead: f.read} {
		if v != 0 {
			d.Metadata[key] = v
		}
	}
	if f.at != 0 && f.read > 0 {
		d.Metadata[keyZone] = f.zone
	}
	if len(f.tags) > 0 {
		d.Metadata[keyTag] = f.tags
	}
	if f.located {
		d.Metadata[keyLat], d.Metadata[keyLong] = f.latitude, f.longitude
	}
	return d
}

// fileOf is the inverse of document.
func fileOf(d index.Document) file {
	text := func(key string) string { s, _ := d.Metadata[key].(string); return s }
	number := func(key string) int64 { n, _ := d.Metadata[key].(int64); return n }
	degrees := func(key string) (float64, bool) {
		switch v := d.Metadata[key].(type) {
		case float64:
			return v, true
		case int64: // a whole number comes back as one
			return float64(v), true
		}
		return 0, false
	}
	t := taken{camera: text(keyCamera), lens: text(keyLens), caption: text(keyTitle), at: number(keyTaken), zone: number(keyZone)}
	t.tags, _ = d.Metadata[keyTag].([]string)
	t.latitude, t.located = degrees(keyLat)
	t.longitude, _ = degrees(keyLong)
	return file{
		taken:  t,
		path:   d.ID,
		stamp:  stamp{number(keySize), number(keyMtime), number(keyInode)},
		hash:   text(keyHash),
		format: text(keyKind),
		width:  int(number(keyWidth)),
		height: int(number(keyHeight)),
		added:  number(keyAdded),
		read:   number(keyRead),
		text:   text(keyText),
		gone:   number(keyGone),
		failed: text(keyFailed),
		reason: text(keyReason),
		reader: text(keyReader),

		describer: text(keyDescriber),
	}
}

// keepGone is how long the vectors of vanished files are kept.
const keepGone = 30 * 24 * time.Hour

// like returns the file with what the content says taken from another of the
// same content.
func (f file) like(o file) file {
	f.format, f.width, f.height, f.taken, f.added, f.read = o.format, o.width, o.height, o.taken, o.added, o.read
	f.text, f.describer = o.text, o.describer
	return f
}

// describe adds what the content says.
func (f *file) describe(h picture.Header, data []byte) {
	f.format, f.width, f.height = h.Format, h.W, h.H
	f.taken, f.read = readTaken(data), metadataVersion
}
