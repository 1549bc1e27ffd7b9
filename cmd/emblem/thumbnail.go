package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"strings"

	"github.com/disintegration/imaging"

	"github.com/emblem-search/emblem/internal/picture"
)

// How a terminal shows pictures.
const (
	graphicsKitty  = "kitty"  // kitty's protocol, also Ghostty and WezTerm
	graphicsITerm  = "iterm2" // iTerm2's inline images
	graphicsBlocks = "blocks" // half blocks in 24-bit colour
)

// A thumbnail takes thumbCols × thumbRows cells, which are about twice as high
// as wide.
const (
	thumbCols = 24
	thumbRows = 8
)

// graphics says how stdout shows pictures, or "" where it does not.
func (a *app) graphics() string {
	value := func(name string) string { v, _ := a.env(name); return v }
	if a.noColor || value("NO_COLOR") != "" || !isTerminal(a.stdout) || value("TERM") == "dumb" {
		return ""
	}
	program := value("TERM_PROGRAM")
	multiplexed := value("TMUX") != "" || strings.HasPrefix(value("TERM"), "screen")
	switch {
	case !multiplexed && (value("KITTY_WINDOW_ID") != "" || value("TERM") == "xterm-kitty" || program == "ghostty" || program == "WezTerm"):
		return graphicsKitty
	case !multiplexed && program == "iTerm.app":
		return graphicsITerm
	case value("COLORTERM") == "truecolor" || value("COLORTERM") == "24bit":
		return graphicsBlocks
	}
	return ""
}

// thumbnail writes a small picture, or nothing if the file cannot be read any
// more.
func thumbnail(out *bytes.Buffer, path, graphics string) {
	if graphics == "" {
		return
	}
	data, err := picture.ReadFile(path, 0)
	if err != nil {
		return
	}
	im, err := picture.Decode(data, picture.Options{Local: true, MinSide: 256, Limits: picture.LocalLimits(0)})
	if err != nil {
		return
	}
	switch graphics {
	case graphicsKitty:
		kittyImage(out, pngOf(fit(im, 10*thumbCols, 20*thumbRows)))
	case graphicsITerm:
		data := pngOf(fit(im, 10*thumbCols, 20*thumbRows))
		fmt.Fprintf(out, "\x1b]1337;File=inline=1;size=%d;height=%d;preserveAspectRatio=1:%s\a\n", len(data), thumbRows, base64.StdEncoding.EncodeToString(data))
	case graphicsBlocks:
		halfBlocks(out, fit(im, thumbCols, 2*thumbRows))
	}
}

func fit(im image.Image, w, h int) *image.NRGBA { return imaging.Fit(im, w, h, imaging.Box) }

func pngOf(im image.Image) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, im); err != nil {
		return nil
	}
	return out.Bytes()
}

// kittyImage sends a PNG in chunks of 4096 characters, as the protocol wants.
func kittyImage(out *bytes.Buffer, data []byte) {
	text := base64.StdEncoding.EncodeToString(data)
	control := fmt.Sprintf("a=T,f=100,q=2,r=%d,", thumbRows)
	for len(text) > 0 {
		chunk := text[:min(4096, len(text))]
		text = text[len(chunk):]
		more := 1
		if text == "" {
			more = 0
		}
		fmt.Fprintf(out, "\x1b_G%sm=%d;%s\x1b\\", control, more, chunk)
		control = ""
	}
	out.WriteByte('\n')
}

// halfBlocks draws two pixels a cell: the upper as the letter's colour, the
// lower as the background's.
func halfBlocks(out *bytes.Buffer, im *image.NRGBA) {
	b := im.Bounds()
	for y := 0; y < b.Dy(); y += 2 {
		for x := range b.Dx() {
			top := im.NRGBAAt(x, y)
			fmt.Fprintf(out, "\x1b[38;2;%d;%d;%dm", top.R, top.G, top.B)
			if y+1 < b.Dy() {
				low := im.NRGBAAt(x, y+1)
				fmt.Fprintf(out, "\x1b[48;2;%d;%d;%dm", low.R, low.G, low.B)
			}
			out.WriteString("▀")
		}
		out.WriteString("\x1b[0m\n")
	}
}
