package indextest

import (
	"context"
	"iter"
	"math/rand/v2"

	"github.com/emblem-search/emblem/index"
)

// Store is what the kit drives; *index.Index is one.
type Store interface {
	// Define makes a space, durably; the same space again is nothing new, another
	// one of the same name is a *index.SpaceError.
	Define(index.Space) error

	// Apply makes all changes that are right in themselves, in order and at once,
	// and acknowledges them when they are durable. Every later call sees them.
	Apply(context.Context, []index.Change) (index.Receipt, error)

	// Get returns a document with its vectors as they are compared, or an
	// index.ErrNotFound.
	Get(id string) (index.Document, error)

	// Documents yields all documents without their vectors, hidden ones too.
	Documents() iter.Seq2[index.Document, error]

	// Search finds the best documents of a space, equal scores by ordinal. With so few
	// vectors as the kit has it is exact.
	Search(context.Context, index.Query) (index.Found, error)

	Close() error
}

// Rememberer is a Store that also knows the past: Search takes Query.AsOf, and
// Query.Cursor, which continues as of the write that its first page saw.
type Rememberer interface {
	// GetAsOf returns a document as it was after a write, an index.ErrNotFound, or an
	// index.ErrTrimmed if that is too long ago.
	GetAsOf(id string, seq uint64) (index.Document, error)
}

// Dropper is a Store that can lose a space.
type Dropper interface {
	// Drop removes a space and all its vectors, those of the past too. Documents
	// stay as they are, with their ordinals.
	Drop(space string) error
}

// Place is where a store lives while it is closed.
type Place interface {
	// Open opens the store as the last Close or Crash left it.
	Open() (Store, error)
}

// Keeper is a Place that can be backed up.
type Keeper interface {
	Place

	// Backup puts what the open store holds aside.
	Backup(Store) error

	// Restore makes the place, whose store is closed, what the last Backup saw.
	Restore() error
}

// Crasher is a Place whose power can go.
type Crasher interface {
	Place

	// Crash does the work and cuts the power at a moment in it or after it, which r
	// chooses, and says whether all of the work was done by then. The next Open
	// finds what a machine would find. The kit closes the store that was open.
	Crash(r *rand.Rand, work func()) (done bool)
}
