package index

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is returned for an id that is not in the index.
	ErrNotFound = errors.New("index: no such document")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("index: closed")
	// ErrLocked is returned by Open when another process has the directory open.
	ErrLocked = errors.New("index: the directory is open in another process")
	// ErrTrimmed is returned for changes and states that are no longer kept; the
	// oldest sequence is in the message.
	ErrTrimmed = errors.New("index: that is longer ago than the retention")
)

// A SpaceError says that a space is already defined with another encoder or
// shape, so that its vectors cannot be mixed with these.
type SpaceError struct {
	Have, Want Space
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("index: space %q holds %d-dimensional vectors of %s (%s), not %d-dimensional ones of %s (%s)",
		e.Have.Name, e.Have.Dim, e.Have.Encoder, e.Have.Fingerprint, e.Want.Dim, e.Want.Encoder, e.Want.Fingerprint)
}
