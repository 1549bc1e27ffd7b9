package audio

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

const reference = "testdata/audio"

// TestFiles holds the samples of WAV files of every kind to their meaning.
func TestFiles(t *testing.T) {
	g := golden.Open(t, reference)
	for _, name := range []string{"pcm8", "pcm16-stereo", "pcm24", "pcm32", "float32", "float64"} {
		s := decoded(t, "testdata/"+name+".wav")
		if want := g.Rows("file." + name)[0]; s.Rate != 44100 || !slices.Equal(s.At(44100, 0, 0, 1000), want) {
			t.Errorf("%s: %d Hz, %v; want %v", name, s.Rate, s.At(44100, 0, 0, 5), want[:5])
		}
	}
}

func decoded(t *testing.T, path string) *Sound {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(file)
	if err != nil {
		t.Fatal(path, err)
	}
	return s
}

// TestResample holds sounds at 16 kHz to torchaudio's, whole and in pieces.
func TestResample(t *testing.T) {
	g := golden.Open(t, reference)
	for _, rate := range []int{1000, 8000, 11025, 15999, 22050, 44100, 48000, 96000, 768000} {
		name := fmt.Sprintf("resample.%d", rate)
		s, err := New(rate, g.Rows(name + ".x")[0])
		if err != nil {
			t.Fatal(err)
		}
		want := g.Rows(name + ".y")
		whole := s.At(Rate, 0, -5, 1<<40)
		golden.Within(t, name, 3e-6, want, [][]float32{whole})
		var parts []float32
		for lo := 0; lo < s.LenAt(Rate); lo += 37 {
			parts = append(parts, s.At(Rate, 0, lo, lo+37)...)
		}
		if !slices.Equal(parts, whole) {
			t.Errorf("%d Hz: a sound in pieces is another", rate)
		}
	}
}

// TestFilterBanks holds log energies to torchaudio's kaldi.fbank.
func TestFilterBanks(t *testing.T) {
	g := golden.Open(t, reference)
	for _, name := range []string{"tune", "frame", "silence", "offset", "loud"} {
		golden.Within(t, name, 5e-4, g.Rows("fbank."+name+".y"), FilterBanks(g.Rows("fbank." + name + ".x")[0]))
	}
	if got := FilterBanks(make([]float32, Frame-1)); got != nil {
		t.Errorf("%d rows of less than a frame", len(got))
	}
}
