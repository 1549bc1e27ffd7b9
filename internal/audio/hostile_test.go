package audio

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
)

// header is a WAV file whose format is given field by field.
func header(tag, channels uint16, rate uint32, align, bits uint16, size uint32, body []byte) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, tag)
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(align))
	b = binary.LittleEndian.AppendUint16(b, align)
	b = binary.LittleEndian.AppendUint16(b, bits)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), size)
	return append(b, body...)
}

// nan is a float sample that is no number.
func nan() []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
}

// TestHostile: what cannot be heard is one sentence that says why.
func TestHostile(t *testing.T) {
	good, err := os.ReadFile("testdata/pcm16-stereo.wav")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("hello, this is a text"), "no sound that emblem reads; send WAV"},
		{"riff of another kind", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "no sound that emblem reads"},
		{"flac", []byte("fLaC\x00\x00\x00\x22"), "a flac file is not read here; save it as WAV"},
		{"mp3", []byte("ID3\x04\x00\x00"), "a mp3 file is not read here"},
		{"aiff", []byte("FORM\x00\x00\x00\x00AIFF"), "a aiff file is not read here"},
		{"cut in the samples", good[:len(good)-10], "ends after 350 of 360 bytes of samples: it is cut off"},
		{"cut in the header", good[:30], `"fmt " says it has 16 bytes and 10 are left`},
		{"cut after the name", good[:14], "it ends in its header"},
		{"no format", append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x04\x00\x00\x00abcd"...), "samples before it says what they are"},
		{"a short format", []byte("RIFF\x00\x00\x00\x00WAVEfmt \x04\x00\x00\x00abcd"), "in 4 bytes, want at least 16"},
		{"0 Hz", header(1, 1, 0, 2, 16, 4, make([]byte, 4)), "0 samples a second, want 1000 to 768000"},
		{"4 GHz", header(1, 1, math.MaxUint32, 2, 16, 4, make([]byte, 4)), "4294967295 samples a second"},
		{"1000 channels", header(1, 1000, 16000, 2000, 16, 2000, make([]byte, 2000)), "1000 channels is not read here, 64 are at most"},
		{"no channels", header(1, 0, 16000, 0, 16, 4, make([]byte, 4)), "0 channels of 16 bits take 0 bytes"},
		{"another alignment", header(1, 2, 16000, 2, 16, 4, make([]byte, 4)), "2 channels of 16 bits take 2 bytes"},
		{"12 bits", header(1, 1, 16000, 2, 12, 4, make([]byte, 4)), "format 0x1 with 12 bits is not read"},
		{"mu-law", header(7, 1, 16000, 1, 8, 4, make([]byte, 4)), "format 0x7 with 8 bits is not read here; save it as PCM"},
		{"no samples", header(1, 1, 16000, 2, 16, 0, nil), "the sound has no samples"},
		{"less than a sample", header(1, 1, 16000, 2, 16, 1, []byte{1}), "the sound has no samples"},
		{"NaN", header(3, 1, 16000, 4, 32, 8, append(make([]byte, 4), nan()...)), "infinite numbers or NaN, first at sample 1"},
		{"a chunk of 4 GB", []byte("RIFF\x00\x00\x00\x00WAVEjunk\xff\xff\xff\xffabcd"), `"junk" says it has 4294967295 bytes`},
	} {
		_, err := Decode(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, rate := range []int{0, -1, 999, 768001} {
		if _, err := New(rate, []float32{0}); err == nil {
			t.Errorf("%d Hz are read", rate)
		}
	}
}

// TestEndless: a recorder that does not know how long it will go on writes the
// largest size, or none; what follows are samples.
func TestEndless(t *testing.T) {
	for _, size := range []uint32{0, math.MaxUint32, math.MaxInt32} {
		s, err := Decode(header(1, 1, 16000, 2, 16, size, []byte{0, 64, 0, 192, 1}))
		if err != nil || s.LenAt(16000) != 2 || s.At(16000, 0, 0, 2)[0] != 0.5 || s.At(16000, 0, 0, 2)[1] != -0.5 {
			t.Errorf("size %d: %v, %v", size, s, err)
		}
	}
}

// TestOneSample: the shortest sound can be read at any rate.
func TestOneSample(t *testing.T) {
	for _, rate := range []int{1000, 16000, 96000} {
		s, err := New(rate, []float32{1})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(s.At(Rate, 0, 0, 100)), max(1, Rate/rate); got != want {
			t.Errorf("%d Hz: %d samples, want %d", rate, got, want)
		}
	}
}

// FuzzDecode: no file makes a decoder panic, and what it says it holds can be read.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"pcm8", "pcm16-stereo", "pcm24", "pcm32", "float32", "float64"} {
		file, err := os.ReadFile("testdata/" + name + ".wav")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Decode(file)
		if err != nil {
			return
		}
		n := s.LenAt(Rate)
		if got := len(s.At(Rate, 0, n-5, n+5)); got > 5 || got < 1 {
			t.Errorf("%d samples at the end", got)
		}
	})
}
