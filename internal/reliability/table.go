package reliability

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/emblem-search/emblem/internal/calibrate"
)

// Hit is a hit of a query whose answer is known.
type Hit struct {
	Group
	Query       int    // from 0 in each group
	Asked       string // the sort of query: word, pair, …
	Present     bool   // something in the library matches
	Match       bool   // this does
	Probability float64
}

// Group is one model, one kind of query and one size of library.
type Group struct {
	Model, Kind string // Kind is words or picture
	Pictures    int
}

// Read reads a table of hits with their evidence, as tools/golden/probability.py
// writes it, and judges each hit.
func Read(path string) ([]Hit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	lines := csv.NewReader(z)
	lines.ReuseRecord = true
	if _, err := lines.Read(); err != nil { // the names of the columns
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var hits []Hit
	for {
		line, err := lines.Read()
		if err == io.EOF {
			return hits, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		h, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s: hit %d: %w", path, len(hits)+1, err)
		}
		hits = append(hits, h)
	}
}

// parse reads the columns model, kind, pictures, query, asked, present, match and
// three of evidence.
func parse(line []string) (Hit, error) {
	if len(line) != 10 {
		return Hit{}, fmt.Errorf("%d columns instead of 10", len(line))
	}
	var number [10]float64
	for _, i := range []int{2, 3, 7, 8, 9} {
		x, err := strconv.ParseFloat(line[i], 64)
		if err != nil {
			return Hit{}, err
		}
		number[i] = x
	}
	h := Hit{
		Group: Group{line[0], line[1], int(number[2])}, Query: int(number[3]),
		Asked: line[4], Present: line[5] == "1", Match: line[6] == "1",
	}
	if h.Kind == "words" {
		h.Probability = calibrate.WordsEvidence{Height: number[7], Best: number[8], OnHit: number[9]}.Probability()
	} else {
		h.Probability = calibrate.PictureEvidence{Height: number[7], Likeness: number[8], Chance: number[9]}.Probability()
	}
	return h, nil
}

// Grouped sorts hits into their groups.
func Grouped(hits []Hit) map[Group][]Hit {
	out := map[Group][]Hit{}
	for _, h := range hits {
		out[h.Group] = append(out[h.Group], h)
	}
	return out
}
