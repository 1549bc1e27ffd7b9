package audio

import "fmt"

// The kinds of errors.
const (
	Unsupported = "unsupported" // no sound, or of a kind that is not read here
	Corrupt     = "corrupt"     // damaged, or not what its header says
)

// Error is the error of every function here that reads file bytes.
type Error struct {
	Kind    string
	Message string // what is wrong and what to do
}

func (e *Error) Error() string { return "audio: " + e.Message }

func fail(kind, format string, args ...any) error {
	return &Error{kind, fmt.Sprintf(format, args...)}
}
