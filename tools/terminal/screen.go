package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// style is how a cell looks; "" is the terminal's own colour.
type style struct {
	front, back string // #rrggbb
	bold, dim   bool
}

// cell is one place of the screen.
type cell struct {
	char rune
	style
}

// screen is what has been printed so far.
type screen struct {
	lines    [][]cell
	column   int
	pen      style
	pictures []picture
}

// picture is an inline image (iTerm2's protocol); it begins at a line's start and
// pushes what follows below itself.
type picture struct {
	line, rows int
	data       string // base64 of a PNG
}

// inline is an image in the midst of the text, with its height in lines.
var inline = regexp.MustCompile(`^\x1b\]1337;File=inline=1;[^:\x07]*height=(\d+);?[^:\x07]*:([A-Za-z0-9+/=]+)\x07`)

// escapes are control sequences (CSI) and strings (OSC, APC, DCS).
var escapes = regexp.MustCompile(`^\x1b(?:\[([0-9;:?]*)[ -/]*([@-~])|[\]_P][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|.)`)

func (s *screen) write(text string) {
	for text != "" {
		if m := inline.FindStringSubmatch(text); m != nil {
			rows, _ := strconv.Atoi(m[1])
			s.show(min(rows, 100), m[2])
			text = text[len(m[0]):]
			continue
		}
		if m := escapes.FindStringSubmatch(text); m != nil {
			s.control(m[1], m[2])
			text = text[len(m[0]):]
			continue
		}
		c, size := utf8.DecodeRuneInString(text)
		s.put(c)
		text = text[size:]
	}
}

// put prints one character.
func (s *screen) put(c rune) {
	if len(s.lines) == 0 {
		s.lines = append(s.lines, nil)
	}
	last := len(s.lines) - 1
	switch {
	case c == '\n':
		s.lines, s.column = append(s.lines, nil), 0
	case c == '\r':
		s.column = 0
	case c < ' ':
	default:
		for len(s.lines[last]) <= s.column {
			s.lines[last] = append(s.lines[last], cell{char: ' '})
		}
		s.lines[last][s.column] = cell{c, s.pen}
		s.column++
	}
}

// show places a picture; the cursor goes to its last line.
func (s *screen) show(rows int, data string) {
	if len(s.lines) == 0 {
		s.lines = append(s.lines, nil)
	}
	s.pictures = append(s.pictures, picture{len(s.lines) - 1, rows, data})
	for range rows - 1 {
		s.lines = append(s.lines, nil)
	}
}

// control obeys a control sequence: colours, and erasing to the end of the line.
func (s *screen) control(args, final string) {
	switch final {
	case "m":
		s.pen.set(args)
	case "K":
		if n := len(s.lines); n > 0 && s.column < len(s.lines[n-1]) {
			s.lines[n-1] = s.lines[n-1][:s.column]
		}
	}
}

// set applies a list of attributes.
func (p *style) set(args string) {
	list := strings.FieldsFunc(args, func(c rune) bool { return c == ';' || c == ':' })
	if len(list) == 0 {
		*p = style{}
	}
	for i := 0; i < len(list); i++ {
		n, _ := strconv.Atoi(list[i]) // the pattern lets digits only through
		switch {
		case n == 0:
			*p = style{}
		case n == 1:
			p.bold = true
		case n == 2:
			p.dim = true
		case n == 22:
			p.bold, p.dim = false, false
		case n == 38 || n == 48:
			colour, used := extended(list[i+1:])
			i += used
			p.paint(n == 48, colour)
		case n == 39 || n == 49:
			p.paint(n == 49, "")
		case n >= 30 && n < 38 || n >= 40 && n < 48:
			p.paint(n >= 40, palette[n%10])
		case n >= 90 && n < 98 || n >= 100 && n < 108:
			p.paint(n >= 100, palette[8+n%10])
		}
	}
}

func (p *style) paint(back bool, colour string) {
	if back {
		p.back = colour
		return
	}
	p.front = colour
}

// extended reads what follows 38 or 48: 2;r;g;b, or 5;n of 256 colours.
func extended(list []string) (colour string, used int) {
	number := func(i int) int {
		n, _ := strconv.Atoi(list[i])
		return n & 255
	}
	switch {
	case len(list) >= 4 && list[0] == "2":
		return fmt.Sprintf("#%02x%02x%02x", number(1), number(2), number(3)), 4
	case len(list) >= 2 && list[0] == "5":
		return indexed(number(1)), 2
	}
	return "", len(list)
}

// indexed is one of the 256 colours: 16 named, a cube of 216, 24 greys.
func indexed(n int) string {
	switch {
	case n < 16:
		return palette[n]
	case n >= 232:
		v := 8 + 10*(n-232)
		return fmt.Sprintf("#%02x%02x%02x", v, v, v)
	}
	level := func(v int) int {
		if v == 0 {
			return 0
		}
		return 55 + 40*v
	}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", level(n/36), level(n/6%6), level(n%6))
}

// palette is the 16 named colours on a dark ground.
var palette = [16]string{
	"#1c1f26", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
	"#7f848e", "#ef8088", "#a9d68b", "#f0d08f", "#7cc0ff", "#d48aec", "#6cd0dc", "#ffffff",
}
