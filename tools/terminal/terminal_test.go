package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// TestScreen prints and reads the lines back.
func TestScreen(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain\n", "plain\n"},
		{"\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mown\x1b[m", "red own"},
		{"10%\r20%\r\n", "20%\n"},
		{"longer\rshort\x1b[K", "short"},
		{"\x1b]8;;file:///a\x1b\\a.jpg\x1b]8;;\x1b\\", "a.jpg"},
		{"\x1b_Gf=100;AAAA\x1b\\after", "after"},
		{"ä▀", "ä▀"},
		{"\xff\xfe", "\ufffd\ufffd"},
	} {
		var s screen
		s.write(c.in)
		var got []string
		for _, l := range s.lines {
			var b strings.Builder
			for _, cell := range l {
				b.WriteRune(cell.char)
			}
			got = append(got, b.String())
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%q shows %q, want %q", c.in, strings.Join(got, "\n"), c.want)
		}
	}
}

func TestColours(t *testing.T) {
	for args, want := range map[string]style{
		"1;38;2;255;0;128": {front: "#ff0080", bold: true},
		"48;5;231":         {back: "#ffffff"},
		"38;5;232":         {front: "#080808"},
		"31;44":            {front: palette[1], back: palette[4]},
		"97;100":           {front: palette[15], back: palette[8]},
		"31;0;2":           {dim: true},
		"38":               {},
	} {
		var got style
		got.set(args)
		if got != want {
			t.Errorf("%s: %+v, want %+v", args, got, want)
		}
	}
}

// TestPicture puts text below a picture of three lines.
func TestPicture(t *testing.T) {
	var s screen
	s.write("before\r\n\x1b]1337;File=inline=1;size=4;height=3;preserveAspectRatio=1:AAAA\a\r\nafter  \x1b[K\r\n\r\n")
	lines := s.trimmed()
	if want := (picture{1, 3, "AAAA"}); len(s.pictures) != 1 || s.pictures[0] != want {
		t.Errorf("pictures %v, want %v", s.pictures, want)
	}
	if len(lines) != 5 || len(lines[4]) != len("after") {
		t.Errorf("%d lines, the last of %d cells", len(lines), len(lines[len(lines)-1]))
	}
}

// TestSVG demands well-formed XML with the text and the half block in it.
func TestSVG(t *testing.T) {
	var b strings.Builder
	if err := draw(&b, strings.NewReader("<1> & \x1b[38;2;9;9;9;48;2;8;8;8m▀▀\x1b[0m\r\n")); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"&lt;1&gt; &amp; ", `height="9" fill="#090909"`, `height="18" fill="#080808"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
