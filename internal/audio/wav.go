package audio

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The sample formats of WAV files (mmreg.h).
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe // the format is the first two bytes of a GUID
)

// waveGUID is how the GUIDs of extensible formats go on.
const waveGUID = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// mostChannels bounds the work for a file whose header makes it up.
const mostChannels = 64

// pcm is what the chunk "fmt " says.
type pcm struct {
	tag, channels, rate, align, bits int
}

// Decode reads a WAV file: PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64, of
// any number of channels. The bytes are read when samples are asked for; they must not
// change.
func Decode(file []byte) (*Sound, error) {
	if len(file) == 0 {
		return nil, fail(Corrupt, "the file is empty")
	}
	if format, ok := Sniff(file); format != "wav" {
		if !ok {
			return nil, fail(Unsupported, "this is no sound that emblem reads; send WAV")
		}
		return nil, fail(Unsupported, "a %s file is not read here; save it as WAV", format)
	}
	f, body, err := chunks(file[12:])
	if err != nil {
		return nil, err
	}
	s := &Sound{f.rate, f.channels, len(body) / f.align, f.reader(body)}
	return s, s.check(f.tag == tagFloat)
}

// chunks finds the format and the samples. A recorder that writes into a pipe does
// not know how much is to come and says nothing, or the most there is; then the
// samples go on to the end.
func chunks(b []byte) (f pcm, body []byte, err error) {
	const unknown = math.MaxInt32 - 1<<16 // sizes from here on are no file's
	for len(b) >= 8 {
		name, size := string(b[:4]), uint64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if name == "data" {
			if f.align == 0 {
				return f, nil, fail(Corrupt, "the wav file has samples before it says what they are; save it again")
			}
			if size >= unknown || size == 0 && len(b) > 0 {
				size = uint64(len(b))
			}
			if size > uint64(len(b)) {
				return f, nil, fail(Corrupt, "the wav file ends after %d of %d bytes of samples: it is cut off; fetch it again", len(b), size)
			}
			return f, b[:size], nil
		}
		if size > uint64(len(b)) {
			return f, nil, fail(Corrupt, "the wav file ends in its header: %q says it has %d bytes and %d are left; fetch it again", name, size, len(b))
		}
		if name == "fmt " {
			if f, err = readFormat(b[:size]); err != nil {
				return f, nil, err
			}
		}
		b = b[min(size+size%2, uint64(len(b))):] // chunks begin at even places
	}
	return f, nil, fail(Corrupt, "the wav file has no samples: it ends in its header; fetch it again")
}

func readFormat(b []byte) (pcm, error) {
	if len(b) < 16 {
		return pcm{}, fail(Corrupt, "the wav file describes its samples in %d bytes, want at least 16; save it again", len(b))
	}
	short := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	f := pcm{tag: short(0), channels: short(2), rate: int(binary.LittleEndian.Uint32(b[4:])), align: short(12), bits: short(14)}
	if f.tag == tagExtensible && len(b) >= 40 && bytes.Equal(b[26:40], []byte(waveGUID)) {
		f.tag = short(24)
	}
	known := f.tag == tagPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32) || f.tag == tagFloat && (f.bits == 32 || f.bits == 64)
	switch {
	case !known:
		return f, fail(Unsupported, "a wav file of format %#x with %d bits is not read here; save it as PCM of 16 bits", f.tag, f.bits)
	case f.channels > mostChannels:
		return f, fail(Unsupported, "a wav file of %d channels is not read here, %d are at most; mix it down", f.channels, mostChannels)
	case f.channels < 1 || f.align != f.channels*f.bits/8:
		return f, fail(Corrupt, "the wav file says that %d channels of %d bits take %d bytes; save it again", f.channels, f.bits, f.align)
	}
	return f, nil
}

// reader returns what reads sample i of a channel, from -1 to 1.
func (f pcm) reader(b []byte) func(channel, i int) float32 {
	at := func(channel, i int) []byte { return b[i*f.align+channel*f.bits/8:] }
	switch {
	case f.tag == tagFloat && f.bits == 32:
		return func(c, i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(at(c, i))) }
	case f.tag == tagFloat:
		return func(c, i int) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(at(c, i)))) }
	case f.bits == 8: // the only one without a sign
		return func(c, i int) float32 { return float32(int(at(c, i)[0])-128) / (1 << 7) }
	case f.bits == 16:
		return func(c, i int) float32 { return float32(int16(binary.LittleEndian.Uint16(at(c, i)))) / (1 << 15) }
	case f.bits == 24:
		return func(c, i int) float32 {
			p := at(c, i)
			return float32(int32(p[0])<<8|int32(p[1])<<16|int32(p[2])<<24) / (1 << 31)
		}
	}
	return func(c, i int) float32 { return float32(int32(binary.LittleEndian.Uint32(at(c, i)))) / (1 << 31) }
}
