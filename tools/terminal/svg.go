package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Sizes in SVG units; a cell is half as wide as it is high, so that half blocks
// are square.
const (
	cellW, cellH = 9, 18
	margin       = 18
	bar          = 32 // the window's title bar
	minColumns   = 72
	ground       = "#16181d"
	ink          = "#c8ccd4"
	faint        = "#7f848e"
)

// svg draws the screen in a window.
func (s *screen) svg(w io.Writer) {
	lines := s.trimmed()
	columns := minColumns
	for _, l := range lines {
		columns = max(columns, len(l))
	}
	width, height := columns*cellW+2*margin, len(lines)*cellH+bar+margin
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14.5">`+"\n", width, height, width, height)
	fmt.Fprintf(w, `<rect width="%d" height="%d" rx="8" fill="%s"/>`+"\n", width, height, ground)
	for i, c := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(w, `<circle cx="%d" cy="16" r="5.5" fill="%s"/>`, margin+2+18*i, c)
	}
	fmt.Fprintln(w)
	for i, l := range lines {
		drawLine(w, l, bar+i*cellH)
	}
	for _, p := range s.pictures {
		side := p.rows*cellH - 4
		fmt.Fprintf(w, `<image x="%d" y="%d" height="%d" href="data:image/png;base64,%s"/>`+"\n", margin, bar+p.line*cellH+2, side, p.data)
	}
	fmt.Fprintln(w, "</svg>")
}

// trimmed is the lines without blanks at their ends and without empty lines
// behind the last thing shown.
func (s *screen) trimmed() [][]cell {
	lines, shown := make([][]cell, len(s.lines)), 0
	for i, l := range s.lines {
		for len(l) > 0 && l[len(l)-1].char == ' ' && l[len(l)-1].back == "" {
			l = l[:len(l)-1]
		}
		if lines[i] = l; len(l) > 0 {
			shown = i + 1
		}
	}
	for _, p := range s.pictures {
		shown = max(shown, p.line+p.rows)
	}
	return lines[:min(shown, len(lines))]
}

// drawLine draws runs of cells that look the same.
func drawLine(w io.Writer, l []cell, y int) {
	for i := 0; i < len(l); {
		j := i + 1
		for j < len(l) && l[j].style == l[i].style && (half(l[i]) == 0) == (half(l[j]) == 0) && (half(l[i]) == 0 || l[j].char == l[i].char) {
			j++
		}
		drawRun(w, l[i:j], margin+i*cellW, y)
		i = j
	}
}

// half tells which half of a cell is ink: 1 the upper, 2 the lower, 0 neither.
func half(c cell) int {
	switch c.char {
	case '▀':
		return 1
	case '▄':
		return 2
	}
	return 0
}

func drawRun(w io.Writer, run []cell, x, y int) {
	first, width := run[0], len(run)*cellW
	if first.back != "" {
		box(w, x, y, width, cellH, first.back)
	}
	colour := first.front
	if colour == "" {
		colour = ink
	}
	if first.dim {
		colour = faint
	}
	if h := half(first); h != 0 {
		box(w, x, y+(h-1)*cellH/2, width, cellH/2, colour)
		return
	}
	var text strings.Builder
	for _, c := range run {
		text.WriteRune(c.char)
	}
	if strings.TrimSpace(text.String()) == "" {
		return
	}
	weight := ""
	if first.bold {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(w, `<text x="%d" y="%d" textLength="%d" fill="%s"%s xml:space="preserve">%s</text>`+"\n",
		x, y+14, width, colour, weight, html.EscapeString(text.String()))
}

func box(w io.Writer, x, y, width, height int, colour string) {
	fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s" shape-rendering="crispEdges"/>`+"\n", x, y, width, height, colour)
}
