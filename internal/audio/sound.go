package audio

import (
	"bytes"
	"slices"
)

// Sound is a sound of one channel or more. It is safe for concurrent use.
type Sound struct {
	Rate     int // samples a second
	Channels int

	count  int // samples of a channel
	sample func(channel, i int) float32
}

// The rates that are read. Others are a damaged header's: no microphone has them,
// and bringing them to a model's rate could take any amount of memory.
const (
	slowest = 1_000
	fastest = 768_000
)

// New is a sound of samples from -1 to 1, of one channel.
func New(rate int, samples []float32) (*Sound, error) {
	s := &Sound{rate, 1, len(samples), func(_, i int) float32 { return samples[i] }}
	return s, s.check(true)
}

// check refuses what no model can hear; floats may be no numbers.
func (s *Sound) check(floats bool) error {
	switch {
	case s.Rate < slowest || s.Rate > fastest:
		return fail(Corrupt, "the sound has %d samples a second, want %d to %d; save it again", s.Rate, slowest, fastest)
	case s.count == 0:
		return fail(Corrupt, "the sound has no samples; record it again")
	}
	for i := 0; floats && i < s.count*s.Channels; i++ {
		if x := s.sample(i%s.Channels, i/s.Channels); x-x != 0 {
			return fail(Corrupt, "the sound has infinite numbers or NaN, first at sample %d; save it again", i/s.Channels)
		}
	}
	return nil
}

// formats are sound files by their first bytes; "wav" is read, the others are
// known so that it can be said what to do.
var formats = []struct {
	name  string
	at    int
	magic []string
}{
	{"flac", 0, []string{"fLaC"}}, {"ogg", 0, []string{"OggS"}}, {"mp3", 0, []string{"ID3", "\xff\xfb", "\xff\xf3", "\xff\xf2"}},
	{"aiff", 8, []string{"AIFF", "AIFC"}}, {"caf", 0, []string{"caff"}}, {"m4a", 4, []string{"ftypM4A"}}, {"wav", 8, []string{"WAVE"}},
}

// Sniff names a sound file's format by its first bytes: wav, or one that is not
// read here.
func Sniff(head []byte) (format string, ok bool) {
	for _, f := range formats {
		has := func(magic string) bool { return len(head) >= f.at && bytes.HasPrefix(head[f.at:], []byte(magic)) }
		if slices.ContainsFunc(f.magic, has) && (f.name != "wav" || isRIFF(head)) {
			return f.name, true
		}
	}
	return "", false
}

func isRIFF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("RIFF")) || bytes.HasPrefix(head, []byte("RF64"))
}
