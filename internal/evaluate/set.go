package evaluate

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/picture"
)

const (
	tile    = 96 // pixels of a side
	columns = 24 // of the sheet
)

//go:embed builtin
var files embed.FS

// Set is what a model is measured on. Tiles are numbers of pictures.
type Set struct {
	Prompts   []string // templates with {} for a concept
	Concepts  []string // every concept there is: a dog
	Synonyms  []Synonym
	Names     []Name     // of the concepts of the singles, in other languages
	Singles   []Single   // one thing a picture
	Scenes    []Scene    // several things on any ground
	White     []Scene    // several things on white, without tints: only the things tell them apart
	Queries   []Query    // words that are searched among the scenes of their style
	Twins     []Twins    // two pictures that differ in one fact
	Choices   []Choice   // one of some texts is true
	Questions []Question // with their answers

	sheet *picture.RGB
}

// Synonym is another name for a concept, of which Concept is the number.
type Synonym struct {
	Concept int
	Text    string
}

// Name is what a language calls a concept.
type Name struct {
	Concept        int
	Language, Text string
}

// Single is a picture of one concept.
type Single struct {
	Tile    int
	Style   string
	Concept int
}

// Scene is a picture and its whole description.
type Scene struct {
	Tile    int
	Style   string
	Caption string
}

// Query is a short text and the tiles, of the scenes of its style, that it is true of.
type Query struct {
	Kind, Style, Text string // Kind is word or class
	Tiles             []int
}

// Twins are two pictures and their captions; each is true of its own only.
type Twins struct {
	Kind, Style string
	Tiles       [2]int
	Texts       [2]string
}

// Choice is a picture and texts of which one is true.
type Choice struct {
	Kind, Style string
	Tile        int
	Texts       []string
	Right       int
}

// Question is one about a picture; any of the answers is right.
type Question struct {
	Tile                    int
	Style, Question, Family string
	Answers                 []string
}

// Builtin is the set that is part of the program.
func Builtin() *Set {
	sub, err := fs.Sub(files, "builtin")
	if err != nil {
		panic(err) // the folder is embedded
	}
	s, err := read(sub)
	if err != nil {
		panic(err)
	}
	return s
}

// Open reads a set that tools/train/testset.py has written into a folder.
func Open(dir string) (*Set, error) {
	s, err := read(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Clean(dir), err)
	}
	return s, nil
}

func read(dir fs.FS) (*Set, error) {
	raw, err := fs.ReadFile(dir, "truth.json")
	if err != nil {
		return nil, err
	}
	s := &Set{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("truth.json: %w", err)
	}
	if raw, err = fs.ReadFile(dir, "pictures.jpg"); err != nil {
		return nil, err
	}
	if s.sheet, err = picture.Decode(raw, picture.Options{}); err != nil {
		return nil, fmt.Errorf("pictures.jpg: %w", err)
	}
	return s, s.check()
}

// check refuses tiles that the sheet hasn't, concepts and texts that there aren't.
func (s *Set) check() error {
	most := s.sheet.W / tile * (s.sheet.H / tile)
	for _, t := range s.tiles() {
		if t < 0 || t >= most || s.sheet.W != columns*tile {
			return fmt.Errorf("tile %d: the sheet of %d x %d has %d tiles in rows of %d", t, s.sheet.W, s.sheet.H, most, columns)
		}
	}
	for _, x := range s.Singles {
		if x.Concept < 0 || x.Concept >= len(s.Concepts) {
			return fmt.Errorf("truth.json: concept %d of %d", x.Concept, len(s.Concepts))
		}
	}
	for _, x := range s.Choices {
		if x.Right < 0 || x.Right >= len(x.Texts) {
			return fmt.Errorf("truth.json: text %d of %d is right of tile %d", x.Right, len(x.Texts), x.Tile)
		}
	}
	for _, x := range s.Questions {
		if len(x.Answers) == 0 {
			return fmt.Errorf("truth.json: %q has no answer", x.Question)
		}
	}
	return nil
}

// tiles are all that the truth speaks of.
func (s *Set) tiles() (all []int) {
	for _, x := range s.Singles {
		all = append(all, x.Tile)
	}
	for _, x := range s.Scenes {
		all = append(all, x.Tile)
	}
	for _, x := range s.White {
		all = append(all, x.Tile)
	}
	for _, x := range s.Queries {
		all = append(all, x.Tiles...)
	}
	for _, x := range s.Twins {
		all = append(all, x.Tiles[:]...)
	}
	for _, x := range s.Choices {
		all = append(all, x.Tile)
	}
	for _, x := range s.Questions {
		all = append(all, x.Tile)
	}
	return all
}

// Picture is a tile, 96 pixels square.
func (s *Set) Picture(i int) image.Image {
	return s.sheet.Crop(i%columns*tile, i/columns*tile, tile, tile)
}
