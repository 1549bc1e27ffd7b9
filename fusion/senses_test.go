package fusion

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

const bound = "testdata/imagebind"

// senses are the files that the reference read, by sense and name.
type senses struct {
	Senses map[Sense][]string
	FPS    float64
}

func path(s Sense, name string) string { return filepath.Join("testdata/senses", string(s), name) }

func read(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func decoded(t *testing.T, path string) image.Image {
	t.Helper()
	p, err := picture.Decode(read(t, path), picture.Options{Local: true})
	if err != nil {
		t.Fatal(path, err)
	}
	return p
}

// signal reads a file as a sense takes it in.
func signal(t *testing.T, d *DualEncoder, s Sense, name string, fps float64) Signal {
	t.Helper()
	var out Signal
	var err error
	if s != Video {
		out, err = d.SignalFile(s, read(t, path(s, name)), Camera{})
	} else {
		files, _ := filepath.Glob(path(s, name) + "/*.png")
		out, err = d.Frames(len(files), fps, func(i int) (image.Image, error) { return decoded(t, files[i]), nil })
	}
	if err != nil {
		t.Fatal(s, name, err)
	}
	return out
}

// TestSenses holds vectors of sounds, depth, heat, motion and videos from their files
// to the reference, with the length that it gives them, in every dtype.
func TestSenses(t *testing.T) {
	var files senses
	g := golden.Open(t, bound, &files)
	for _, dtype := range []string{"f32", "f16", "bf16", "int8"} {
		d := (&reference{path: bound}).open(t, Options{DType: dtype})
		for _, s := range d.Senses() {
			var signals []Signal
			for _, name := range files.Senses[s] {
				signals = append(signals, signal(t, d, s, name, files.FPS))
			}
			want := g.Rows(string(s))
			raw, err := d.RawSignals(context.Background(), signals)
			if err != nil {
				t.Fatal(s, err)
			}
			unit, err := d.EmbedSignals(context.Background(), signals)
			if err != nil {
				t.Fatal(s, err)
			}
			what := dtype + " " + string(s)
			switch dtype {
			case "f32":
				golden.Within(t, what, 2e-4*golden.MaxDiff(want, zeros(want)), want, raw)
				golden.Within(t, what+" unit", 2e-4, golden.Unit(want), unit)
			case "int8":
				golden.Close(t, what, 0.995, want, raw)
			default:
				golden.Close(t, what, 0.9995, want, raw)
			}
		}
	}
}

func zeros(rows [][]float32) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = make([]float32, len(r))
	}
	return out
}

// TestRawLengths: pictures and texts have the lengths that the reference gives them.
func TestRawLengths(t *testing.T) {
	r := &reference{}
	g := golden.Open(t, bound, r)
	d := (&reference{path: bound}).open(t, Options{DType: "f32"})
	px, err := d.Preprocess(decoded(t, "testdata/pictures/"+r.Pictures[0]))
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := d.RawPixels(context.Background(), []vit.Pixels{px}, vit.Own)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := d.RawTokens(context.Background(), r.IDs)
	if err != nil {
		t.Fatal(err)
	}
	golden.Within(t, "picture", 2e-4, g.Rows("image")[:1], pictures)
	golden.Within(t, "texts", 2e-4*d.Scale(), g.Rows("text"), texts)
}

// TestSensesTogether: a signal's vector does not depend on its company, of its own or
// of other senses, bit for bit.
func TestSensesTogether(t *testing.T) {
	var files senses
	golden.Open(t, bound, &files)
	d := (&reference{path: bound}).open(t, Options{})
	var all []Signal
	for _, s := range []Sense{IMU, Audio, Video, Depth, Audio, Thermal, IMU} {
		for _, name := range files.Senses[s] {
			all = append(all, signal(t, d, s, name, files.FPS))
		}
	}
	together, err := d.EmbedSignals(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		alone, err := d.EmbedSignals(context.Background(), []Signal{s})
		if err != nil || !slices.Equal(alone[0], together[i]) {
			t.Errorf("%s: a signal alone has another vector, or %v", s.Sense, err)
		}
	}
}

// TestSoundChannels: the first channel is heard, and samples are a sound as good as a
// file.
func TestSoundChannels(t *testing.T) {
	d := (&reference{path: bound}).open(t, Options{DType: "f32"})
	x := make([]float32, 96000)
	for i := range x {
		x[i] = float32(math.Round(16000*math.Sin(float64(i)*0.05))) / (1 << 15)
	}
	mono, err := d.Sound(96000, x)
	if err != nil {
		t.Fatal(err)
	}
	stereo, err := d.SoundFile(wav(96000, x, make([]float32, len(x))))
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.EmbedSignals(context.Background(), []Signal{mono, stereo})
	if err != nil {
		t.Fatal(err)
	}
	golden.Within(t, "a second channel", 1e-5, v[:1], v[1:])
}

// wav writes two channels as PCM of 16 bits.
func wav(rate int, left, right []float32) []byte {
	le := func(b []byte, n int, size int) []byte {
		for i := range size {
			b = append(b, byte(n>>(8*i)))
		}
		return b
	}
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00"), le(le(nil, rate, 4), 4*rate, 4)...)
	b = append(b, "\x04\x00\x10\x00data"...)
	b = le(b, 4*len(left), 4)
	for i := range left {
		b = le(le(b, int(left[i]*(1<<15)), 2), int(right[i]*(1<<15)), 2)
	}
	return b
}

// TestHostileSenses: what cannot be read is one sentence that says why.
func TestHostileSenses(t *testing.T) {
	d := (&reference{path: bound}).open(t, Options{Lazy: true})
	of := func(_ Signal, err error) error { return err }
	gray := image.NewGray16(image.Rect(0, 0, 3, 2))
	for want, err := range map[string]error{
		"the file is empty":                of(d.SoundFile(nil)),
		"lasts 0.0249 s, the model hears":  of(d.Sound(16000, make([]float32, 399))),
		"lasts 6.25e-05 s":                 of(d.Sound(16000, []float32{1})),
		"0 samples a second":               of(d.Sound(0, []float32{1})),
		"has no samples":                   of(d.Sound(16000, nil)),
		"the depth map has no pixels":      of(d.DepthMap(image.NewGray16(image.Rectangle{}), Camera{})),
		"both have to be over 0":           of(d.DepthMap(gray, Camera{Focal: -1, Baseline: 1})),
		"the thermal picture has no":       of(d.ThermalPicture(image.NewGray(image.Rectangle{}))),
		"1 readings of motion, want":       of(d.Motion([][6]float32{{}})),
		"0 readings of motion":             of(d.MotionFile([]byte("ax,ay,az,gx,gy,gz\n"))),
		"line 2 of the motion: 5 columns":  of(d.MotionFile([]byte("1,2,3,4,5,6\n1,2,3,4,5\n"))),
		`line 1 of the motion: "x" is not`: of(d.MotionFile([]byte("1,2,3,4,5,x\n"))),
		`"NaN" is not a number`:            of(d.MotionFile([]byte("a,b,c,d,e,f\n1,2,3,4,5,NaN\n"))),
		"no CSV of six numbers":            of(d.MotionFile(bytes.Repeat([]byte{'1'}, 1<<17))),
		"no PNG of one channel with 16":    of(d.SignalFile(Depth, read(t, path(Thermal, "grey.png")), Camera{})),
		"has 8 bits a pixel, this one":     of(d.SignalFile(Thermal, read(t, path(Depth, "wide.png")), Camera{})),
		"no picture that emblem reads":     of(d.SignalFile(Thermal, []byte("hello"), Camera{})),
		"video is not read from one file":  of(d.SignalFile(Video, nil, Camera{})),
		"0 frames at 25 a second":          of(d.Frames(0, 25, nil)),
		"1 frames at 0 a second":           of(d.Frames(1, 0, nil)),
		"frame 0 has no pixels":            of(d.Frames(1, 1, func(int) (image.Image, error) { return image.NewGray(image.Rectangle{}), nil })),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestSenseless: a model of pictures and texts says that it does not hear.
func TestSenseless(t *testing.T) {
	d, err := Load(context.Background(), "testdata/clip-legacy", Options{Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, errSound := d.SoundFile(read(t, path(Audio, "blip.wav")))
	_, errFrames := d.Frames(1, 1, nil)
	_, errEmbed := d.EmbedSignals(context.Background(), []Signal{{Sense: Audio}})
	for _, err := range []error{errSound, errFrames, errEmbed, d.ReadyToSense(Depth)} {
		var own *SenseError
		if !errors.As(err, &own) || !strings.Contains(err.Error(), "clip-legacy does not read") {
			t.Errorf("error %v", err)
		}
	}
	if d.Senses() != nil {
		t.Error("CLIP has senses")
	}
}

// TestHostileImageBind: folders that do not fit are refused with what is wrong, and
// the file as it was published with what to do and what its licence says.
func TestHostileImageBind(t *testing.T) {
	for want, edit := range map[string]func(dir string) error{
		"audio_stride is 8, only 10":      func(dir string) error { return change(dir, `"audio_stride": 8`) },
		"imu_num_heads is 0":              func(dir string) error { return change(dir, `"imu_num_heads": 0`) },
		"not a multiple of 7 heads":       func(dir string) error { return change(dir, `"depth_num_heads": 7`) },
		"kernel_size [2 14 7]":            func(dir string) error { return change(dir, `"kernel_size": [2, 14, 7]`) },
		"blocks.1.attn.bias_k":            func(dir string) error { return change(dir, `"audio_num_blocks": 1`) },
		"thermal.blocks.1.attn.bias":      func(dir string) error { return change(dir, `"thermal_num_blocks": 2`) },
		"or bpe_simple_vocab_16e6.txt.gz": func(dir string) error { return os.Remove(filepath.Join(dir, "bpe_simple_vocab_16e6.txt.gz")) },
		"they may not be used commer":     published,
		"'imagebind_huge.safetensors'":    published,
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(bound)); err != nil {
			t.Fatal(err)
		}
		if err := edit(dir); err != nil {
			t.Fatal(err)
		}
		d, err := Load(context.Background(), dir, Options{Lazy: true})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// published makes the folder what there is before anything is converted.
func published(dir string) error {
	return errors.Join(os.Remove(filepath.Join(dir, "config.json")), os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "imagebind_huge.pth")))
}

// change changes one key of the folder's configuration.
func change(dir, change string) error {
	file := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.TrimSuffix(strings.TrimSpace(string(raw)), "}")+", "+change+"}"), 0o644)
}

// TestBareImageBind: a folder is known by the arguments of the model that copies on the
// hub keep, or by the name of the weights alone.
func TestBareImageBind(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(bound)); err != nil {
		t.Fatal(err)
	}
	raw := strings.Replace(string(read(t, bound+"/config.json")), `"model_type": "imagebind",`, "", 1)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(raw), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Load(context.Background(), dir, Options{Lazy: true})
	if err != nil || d.Family() != "imagebind" {
		t.Fatal(err)
	}
	d.Close()
	if err := errors.Join(os.Remove(filepath.Join(dir, "config.json")), os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "imagebind_huge.safetensors"))); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(context.Background(), dir, Options{Lazy: true}); err == nil || !strings.Contains(err.Error(), "[24], want [1280]") {
		t.Errorf("error %v, want one of the sizes of imagebind_huge", err)
	}
}
