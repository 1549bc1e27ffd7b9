package picture

import "fmt"

// Kind says what is wrong with a picture.
type Kind int

// The kinds of errors.
const (
	Unsupported Kind = iota + 1 // not a picture, or of a kind that is not read here
	TooLarge                    // over a limit; nothing was decoded
	Corrupt                     // damaged, or not what its header says
)

// String returns the kind as one word.
func (k Kind) String() string {
	switch k {
	case Unsupported:
		return "unsupported"
	case TooLarge:
		return "too large"
	case Corrupt:
		return "corrupt"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Error is the error of every function here that reads file bytes.
type Error struct {
	Kind    Kind
	Message string // what is wrong and what to do
	Err     error  // a decoder's own error, or nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return "picture: " + e.Message + ": " + e.Err.Error()
	}
	return "picture: " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

func fail(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// corrupt wraps a decoder's error.
func corrupt(format string, err error) error {
	return &Error{Kind: Corrupt, Message: "the " + format + " data is damaged; save the picture again", Err: err}
}
