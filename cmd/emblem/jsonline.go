package main

import (
	"bytes"
	"encoding/json"
	"io"
)

// newEncoder writes JSON, each value on a line of its own.
func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(oneLine{w})
	enc.SetEscapeHTML(false)
	return enc
}

// oneLine escapes the one character that JSON leaves as it is and that readers
// who know Unicode's line ends, such as Python's splitlines, cut a line at.
type oneLine struct{ w io.Writer }

func (o oneLine) Write(b []byte) (int, error) {
	_, err := o.w.Write(bytes.ReplaceAll(b, []byte("\u0085"), []byte(`\u0085`)))
	return len(b), err
}
