package library

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emblem-search/emblem/fusion/ask"
	"github.com/emblem-search/emblem/index"
)

const (
	noteCorrections = "corrections"
	mostCorrections = 10_000
	longestAnswer   = 1000 // bytes
)

// Corrections are those that stand, the newest last.
func (l *Library) Corrections() (list []ask.Correction, err error) {
	note, err := l.ix.Note(noteCorrections)
	if errors.Is(err, index.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(note, &list)
	}
	return list, err
}

// Correct keeps a correction. It is used from now on, also for pictures that look the same
// and questions that ask the same; one of the same question and picture it replaces.
func (l *Library) Correct(c ask.Correction) (ask.Correction, error) {
	c.Question, c.Answer = strings.TrimSpace(c.Question), strings.TrimSpace(c.Answer)
	switch {
	case c.Question == "" || c.Answer == "":
		return c, errorf(KindQuery, "a correction has a question and the right answer")
	case len(c.Question) > longestAnswer || len(c.Answer) > longestAnswer:
		return c, errorf(KindQuery, "a correction's question and answer have at most %d bytes", longestAnswer)
	case c.Document == "" && c.Vector == nil:
		return c, errorf(KindQuery, "a correction is about a picture; name a document of the library, or give the picture")
	}
	if c.Document != "" {
		d, err := l.ix.Get(c.Document)
		if errors.Is(err, index.ErrNotFound) {
			return c, errorf(KindDocument, "library %q has no document %q", l.name, shortened(c.Document))
		}
		if err != nil {
			return c, err
		}
		m := l.Manifest()
		if v := d.Vectors[m.space()]; len(v) > 0 {
			c.Vector, c.Fingerprint = v[0], m.Fingerprint
		}
	}
	c.ID, c.Made = strings.ToLower(rand.Text()[:12]), time.Now().UTC().Truncate(time.Second)
	return c, l.changeCorrections(func(list []ask.Correction) ([]ask.Correction, error) {
		key := ask.Key(c.Question)
		list = slices.DeleteFunc(list, func(old ask.Correction) bool {
			return ask.Key(old.Question) == key && about(old, c.Document, c.Vector, c.Fingerprint) >= sameCorrected
		})
		if len(list) >= mostCorrections {
			return nil, errorf(KindQuery, "library %q has %d corrections, which is the most; take some back", l.name, len(list))
		}
		return append(list, c), nil
	})
}

// Revoke takes a correction back.
func (l *Library) Revoke(id string) error {
	return l.changeCorrections(func(list []ask.Correction) ([]ask.Correction, error) {
		i := slices.IndexFunc(list, func(c ask.Correction) bool { return c.ID == id })
		if i < 0 {
			return nil, errorf(KindDocument, "library %q has no correction %q", l.name, shortened(id))
		}
		return slices.Delete(list, i, i+1), nil
	})
}

func (l *Library) changeCorrections(change func([]ask.Correction) ([]ask.Correction, error)) error {
	l.correcting.Lock()
	defer l.correcting.Unlock()
	list, err := l.Corrections()
	if err == nil {
		list, err = change(list)
	}
	if err != nil {
		return err
	}
	note, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return l.ix.SetNote(noteCorrections, note)
}

// sameCorrected is the cosine from which a picture is the one that was corrected.
const sameCorrected = 0.99

// about is how much a correction is about a picture: 1 for its document, else the cosine
// of vectors that can be compared, else 0.
func about(c ask.Correction, document string, vector []float32, fingerprint string) float64 {
	switch {
	case document != "" && document == c.Document:
		return 1
	case len(vector) > 0 && len(vector) == len(c.Vector) && c.Fingerprint == fingerprint:
		return min(1, cosine(vector, c.Vector))
	}
	return 0
}

// corrections are those of one question, to be held against pictures.
type corrections []ask.Correction

func (l *Library) correctionsOf(question string) (corrections, error) {
	list, err := l.Corrections()
	key := ask.Key(question)
	return slices.DeleteFunc(list, func(c ask.Correction) bool { return ask.Key(c.Question) != key }), err
}

// of is the correction of the nearest picture, nil if none is near.
func (list corrections) of(document string, vector []float32, fingerprint string) *ask.Correction {
	best, at := sameCorrected, -1
	for i, c := range list {
		if near := about(c, document, vector, fingerprint); near >= best {
			best, at = near, i
		}
	}
	if at < 0 {
		return nil
	}
	return &list[at]
}

// Corrected is what was said about a question and a picture by its vector, or nil.
func (l *Library) Corrected(question, document string, vector []float32, fingerprint string) (*ask.Correction, error) {
	list, err := l.correctionsOf(question)
	return list.of(document, vector, fingerprint), err
}
