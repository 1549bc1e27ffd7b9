package library

import (
	"errors"
	"fmt"
)

// Kind says what sort of error an Error is.
type Kind string

const (
	KindQuery    Kind = "bad_query"          // the query cannot be read
	KindPath     Kind = "no_such_path"       // a named file or folder is not there
	KindLibrary  Kind = "library_not_found"  // no library of that name
	KindDocument Kind = "document_not_found" // no document of that id
	KindName     Kind = "bad_name"           // a name that a library cannot have, or that is taken
	KindModel    Kind = "model_mismatch"     // the library belongs to another model
	KindPhotos   Kind = "photos"             // photographs for a model of illustrations
	KindPicture  Kind = "bad_picture"        // a picture of the query cannot be read
	KindExcluded Kind = "bad_pattern"        // an exclude pattern that cannot be read
	KindBusy     Kind = "busy"               // the library is being indexed
)

// An Error is an error that the user can do something about.
type Error struct {
	Kind    Kind
	Message string
	Err     error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

func errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// ErrPhotos is in the chain of the error that stops Index when pictures from
// cameras would go to a model that knows illustrations only.
var ErrPhotos = errors.New("the model knows illustrations only")
