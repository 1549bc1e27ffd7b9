package main

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/emblem-search/emblem/internal/calibrate"
	"github.com/emblem-search/emblem/internal/reliability"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reliability HITS.csv.gz > reliability.svg")
		os.Exit(2)
	}
	hits, err := reliability.Read(os.Args[1])
	if err == nil {
		err = drawTo(os.Stdout, hits)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
		os.Exit(1)
	}
}

var colours = []color.Color{
	color.RGBA{31, 119, 180, 255}, color.RGBA{255, 127, 14, 255}, color.RGBA{44, 160, 44, 255},
	color.RGBA{214, 39, 40, 255}, color.RGBA{148, 103, 189, 255}, color.RGBA{140, 86, 75, 255},
}

// drawTo writes the diagram: a line a model, words and pictures apart.
func drawTo(w io.Writer, hits []reliability.Hit) error {
	p := plot.New()
	p.Title.Text = "Of the hits said to match with this probability, how many do"
	p.X.Label.Text, p.Y.Label.Text = "said", "was"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	if err := addGuides(p); err != nil {
		return err
	}
	models := byModel(hits)
	for i, m := range models {
		line, points, err := plotter.NewLinePoints(m.points())
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		line.Color, points.Color = colours[i%len(colours)], colours[i%len(colours)]
		points.Shape, points.Radius = draw.CircleGlyph{}, vg.Points(2)
		if m.kind == "picture" {
			line.Dashes = []vg.Length{vg.Points(4), vg.Points(2)}
		}
		p.Add(line, points)
		p.Legend.Add(m.name+", "+m.kind, line, points)
	}
	svg, err := p.WriterTo(16*vg.Centimeter, 14*vg.Centimeter, "svg")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := svg.WriteTo(&out); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// addGuides adds the diagonal, where a perfect estimate lies, and the default cut.
func addGuides(p *plot.Plot) error {
	for _, ends := range []plotter.XYs{{{X: 0, Y: 0}, {X: 1, Y: 1}}, {{X: calibrate.Cut, Y: 0}, {X: calibrate.Cut, Y: 1}}} {
		line, err := plotter.NewLine(ends)
		if err != nil {
			return err
		}
		line.Color = color.Gray{160}
		p.Add(line)
	}
	return nil
}

type model struct {
	name, kind string
	hits       []reliability.Hit
}

// fewest hits of a bin whose share is worth a point.
const fewest = 30

func (m model) points() plotter.XYs {
	var out plotter.XYs
	for _, b := range reliability.ByWidth(m.hits) {
		if b.Hits >= fewest {
			out = append(out, plotter.XY{X: b.Said, Y: b.Was})
		}
	}
	return out
}

// byModel joins libraries of all sizes, in the order of the table. Random weights
// match nothing, so that they have no line.
func byModel(hits []reliability.Hit) []model {
	var out []model
	for _, h := range hits {
		i := slices.IndexFunc(out, func(m model) bool { return m.name == h.Model && m.kind == h.Kind })
		if i < 0 {
			i, out = len(out), append(out, model{name: h.Model, kind: h.Kind})
		}
		out[i].hits = append(out[i].hits, h)
	}
	return slices.DeleteFunc(out, func(m model) bool {
		return !slices.ContainsFunc(m.hits, func(h reliability.Hit) bool { return h.Match && h.Probability >= calibrate.Cut })
	})
}
