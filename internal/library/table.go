package library

import (
	"encoding/hex"
	"unique"

	"github.com/emblem-search/emblem/index"
)

// digest is a content hash; see contentHash.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func parseDigest(s string) (d digest, ok bool) {
	b, err := hex.DecodeString(s)
	return digest(append(b, make([]byte, 16)...)), err == nil && len(b) == len(d)
}

// known is what Index has to remember of every file: small, since there may be
// a million.
type known struct {
	stamp
	hash   digest
	gone   int64
	read   int64 // metadataVersion
	failed bool

	described unique.Handle[string] // what found words for it

	retry bool // another reader failed: try again
	bare  bool // without a vector of the model
	old   bool // from before this run
	seen  bool // by this walk
	todo  bool // a job of this run
}

// table is the state of a library when Index begins.
type table struct {
	files  map[string]*known
	byHash map[digest]string // a document that has the content's vector
}

// loadTable reads what is known. has says whether a document has a vector of the
// model; nil means that all have one that could be read.
func loadTable(ix *index.Index, reader string, has func(id string) (bool, error)) (*table, error) {
	t := &table{files: map[string]*known{}, byHash: map[digest]string{}}
	for d, err := range ix.Documents() {
		if err != nil {
			return nil, err
		}
		f := fileOf(d)
		hash, ok := parseDigest(f.hash)
		k := &known{stamp: f.stamp, hash: hash, gone: f.gone, read: f.read, failed: f.failed != "", old: true, retry: f.failed != "" && f.reader != reader, described: unique.Make(f.describer)}
		if has != nil && !k.failed {
			with, err := has(d.ID)
			if err != nil {
				return nil, err
			}
			k.bare = !with
		}
		t.files[d.ID] = k
		if ok && !k.failed && !k.bare {
			t.byHash[hash] = d.ID
		}
	}
	return t, nil
}

// bare is the number of files without a vector of the model.
func (t *table) bare() (n int) {
	for _, k := range t.files {
		if k.bare {
			n++
		}
	}
	return n
}

// unchanged says whether a file need not be opened.
func (k *known) unchanged(s stamp) bool {
	return k != nil && k.stamp == s && !k.retry && !k.bare
}

// note keeps the table up to what was stored.
func (t *table) note(o outcome) {
	if o.file.failed == unreadable {
		return
	}
	before := t.files[o.file.path]
	t.files[o.file.path] = &known{stamp: o.file.stamp, hash: o.hash, read: o.file.read, failed: o.file.failed != "", old: before != nil && before.old, seen: true, described: unique.Make(o.file.describer)}
}
