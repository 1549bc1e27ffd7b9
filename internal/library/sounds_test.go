package library

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/audio"
)

// hearing is colours that hears: a sound is as red, green and blue as its first three
// samples are loud.
type hearing struct {
	*colours
	deaf bool
}

func (h hearing) Hears() bool { return !h.deaf }

func (h hearing) Listen(file []byte) (Sound, error) {
	s, err := audio.Decode(file)
	if err != nil {
		return nil, err
	}
	x := s.At(s.Rate, 0, 0, 3)
	if len(x) < 3 {
		return nil, &audio.Error{Kind: audio.Corrupt, Message: "the sound is too short"}
	}
	return colourVector(float64(x[0]), float64(x[1]), float64(x[2])), nil
}

func (h hearing) EmbedSounds(_ context.Context, sounds []Sound) (out [][]float32, err error) {
	for _, s := range sounds {
		h.images.Add(1)
		out = append(out, s.([]float32))
	}
	return out, nil
}

// wavOf is a sound of these samples, which are as loud as colours are bright.
func wavOf(samples ...int16) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(samples)))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

const loud = 32767

// TestSounds: a model that hears finds sounds among pictures, by words, by pictures
// and by sounds; broken ones are counted, known ones are not read again.
func TestSounds(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		write(t, b.path(fmt.Sprintf("r%02d.png", i)), pngOf(t, shade(red, i), 9, 9))
		write(t, b.path(fmt.Sprintf("r%02d.wav", i)), wavOf(loud, int16(40*i), 0, int16(i)))
		write(t, b.path(fmt.Sprintf("g%02d.wav", i)), wavOf(int16(40*i), loud, 0, int16(i)))
	}
	write(t, b.path("copy.wav"), wavOf(loud, 0, 0, 0))
	write(t, b.path("cut.wav"), wavOf(loud, 0, 0)[:46])
	write(t, b.path("short.wav"), wavOf(loud))
	write(t, b.path("music.mp3"), []byte("ID3 no wav"))
	model := hearing{b.model, false}
	index := func() Report {
		r, err := b.lib().Index(t.Context(), model, Options{Roots: []string{b.dir}})
		must(t, err)
		return r
	}
	r := index()
	if r.Added != 60 || r.Reused != 1 || r.Pictures != 61 || r.Failed["corrupt"] != 2 || r.Skipped[skipOther] != 1 {
		t.Errorf("first run: %+v", r)
	}
	b.wantEmbedded(60)
	if r = index(); r.Unchanged != 61 || r.Failed["corrupt"] != 2 {
		t.Errorf("second run: %+v", r)
	}
	b.wantEmbedded(0)
	search := func(query string, limit int) []string {
		q, err := ParseQuery(query)
		must(t, err)
		hits, err := b.lib().Search(t.Context(), model, q, SearchOptions{Limit: limit})
		must(t, err)
		var names []string
		for _, h := range hits {
			names = append(names, h.Path[len(b.dir)+1:])
			if strings.HasSuffix(h.Path, ".wav") && h.Metadata[keyKind] != "wav" {
				t.Errorf("%s has kind %v", h.Path, h.Metadata[keyKind])
			}
		}
		return names
	}
	starts := func(names []string, with string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !strings.HasPrefix(n, with) && n != "copy.wav" })
	}
	if got := search("green", 20); !starts(got, "g") {
		t.Errorf("green finds %v", got)
	}
	if got := search(b.path("r00.png"), 41); !starts(got, "r") || !slices.Contains(got, "r07.wav") {
		t.Errorf("a red picture finds %v", got)
	}
	if got := search(b.path("r03.wav"), 41); !starts(got, "r") || !slices.Contains(got, "r07.png") {
		t.Errorf("a red sound finds %v", got)
	}
	if got := search("green + "+b.path("g01.wav")+" - "+b.path("r02.png"), 20); !starts(got, "g") {
		t.Errorf("a sum finds %v", got)
	}
}

// TestSoundsUnheard: a model that does not hear leaves sounds alone, and says so when
// one is searched with.
func TestSoundsUnheard(t *testing.T) {
	b := newBench(t)
	reds(t, b.dir, 3)
	write(t, b.path("a.wav"), wavOf(loud, 0, 0))
	write(t, b.path("cut.wav"), wavOf(loud, 0, 0)[:46])
	for name, model := range map[string]Embedder{"no listener": b.model, "deaf": hearing{b.model, true}} {
		r, err := b.lib().Index(t.Context(), model, Options{Roots: []string{b.dir}})
		must(t, err)
		if r.Pictures != 3 || r.Skipped[skipOther] != 2 || r.Failures() != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		q, err := ParseQuery(b.path("a.wav"))
		must(t, err)
		_, err = b.lib().Search(t.Context(), model, q, SearchOptions{})
		var own *Error
		if !errors.As(err, &own) || own.Kind != KindQuery || !strings.Contains(err.Error(), "colours does not hear") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	q, err := ParseQuery(b.path("cut.wav"))
	must(t, err)
	if _, err = b.lib().Search(t.Context(), hearing{b.model, false}, q, SearchOptions{}); err == nil || !strings.Contains(err.Error(), "it is cut off") {
		t.Errorf("a broken sound: %v", err)
	}
}
