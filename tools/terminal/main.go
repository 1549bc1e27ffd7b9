package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	command := flag.String("command", "", "command line to show above the output")
	flag.Parse()
	if err := draw(os.Stdout, os.Stdin, *command); err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}

// draw reads a terminal's bytes and writes the picture.
func draw(w io.Writer, r io.Reader, command string) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var s screen
	if command != "" {
		s.write("\x1b[32m$\x1b[0m \x1b[1m" + command + "\x1b[0m\n")
	}
	s.write(string(text))
	out := bufio.NewWriter(w)
	s.svg(out)
	return out.Flush()
}
