package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := draw(os.Stdout, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}

// draw reads a terminal's bytes and writes the picture.
func draw(w io.Writer, r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var s screen
	s.write(string(text))
	out := bufio.NewWriter(w)
	s.svg(out)
	return out.Flush()
}
