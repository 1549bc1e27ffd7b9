package fusion

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/imagebind"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/vit"
)

// ImageBind puts more than pictures and texts into its space.

// Sense is what a model reads besides pictures and texts.
type Sense string

// The senses of ImageBind.
const (
	Video   Sense = "video"   // frames of pictures
	Audio   Sense = "audio"   // sounds
	Depth   Sense = "depth"   // pictures of distances
	Thermal Sense = "thermal" // pictures of heat
	IMU     Sense = "imu"     // motion: accelerometer and gyroscope
)

// Signal is what a sense has taken in, as the model reads it.
type Signal struct {
	Sense  Sense
	video  []vit.Clip
	signal imagebind.Signal
}

// Camera is what makes the distances of a depth map disparities. The zero value is
// the Kinect's.
type Camera struct {
	Focal    float64 // length in pixels; 0: 518.857901
	Baseline float64 // metres between the eyes; 0: 0.075
}

// Senses lists what the model reads besides pictures and texts; mostly nothing.
func (d *DualEncoder) Senses() []Sense {
	if len(d.senses) == 0 {
		return nil
	}
	return []Sense{Video, Audio, Depth, Thermal, IMU}
}

// Has tells whether the model has a sense.
func (d *DualEncoder) Has(s Sense) bool { return slices.Contains(d.Senses(), s) }

// SenseError is what a model says to an input of a sense that it has not.
type SenseError struct {
	Model string // its public name
	Sense Sense
}

func (e *SenseError) Error() string {
	return fmt.Sprintf("%s does not read %s; use a model that does, such as ImageBind", e.Model, e.Sense)
}

func (d *DualEncoder) need(s Sense) error {
	if !d.Has(s) {
		return &SenseError{d.name, s}
	}
	return nil
}

// Sound brings samples from -1 to 1, rate of them a second, to what the model hears.
// What is shorter than 0.025 s cannot be heard; of what is longer than six seconds,
// three clips of two are.
func (d *DualEncoder) Sound(rate int, samples []float32) (Signal, error) {
	s, err := audio.New(rate, samples)
	if err != nil {
		return Signal{}, err
	}
	return d.hear(s)
}

// SoundFile is Sound for a WAV file, of which the first channel is heard.
func (d *DualEncoder) SoundFile(file []byte) (Signal, error) {
	s, err := audio.Decode(file)
	if err != nil {
		return Signal{}, err
	}
	return d.hear(s)
}

func (d *DualEncoder) hear(s *audio.Sound) (Signal, error) {
	return d.sense(Audio, func() (imagebind.Signal, error) { return imagebind.Sound(s) })
}

// DepthMap brings a picture of distances in millimetres to what the model reads.
func (d *DualEncoder) DepthMap(millimetres *image.Gray16, c Camera) (Signal, error) {
	return d.sense(Depth, func() (imagebind.Signal, error) { return imagebind.DepthMap(millimetres, imagebind.Camera(c)) })
}

// ThermalPicture brings a picture that is brighter where it is warmer to what the
// model reads.
func (d *DualEncoder) ThermalPicture(im image.Image) (Signal, error) {
	return d.sense(Thermal, func() (imagebind.Signal, error) { return imagebind.ThermalPicture(im) })
}

// Motion brings what an accelerometer and a gyroscope measured in five seconds, x, y
// and z of each, to what the model reads.
func (d *DualEncoder) Motion(readings [][6]float32) (Signal, error) {
	return d.sense(IMU, func() (imagebind.Signal, error) { return imagebind.Motion(readings) })
}

// MotionFile is Motion for a CSV file: a line of six numbers for each reading, perhaps
// after a line of names.
func (d *DualEncoder) MotionFile(file []byte) (Signal, error) {
	readings, err := imagebind.ReadMotion(file)
	if err != nil {
		return Signal{}, err
	}
	return d.Motion(readings)
}

// SignalFile reads a file for a sense: a WAV file, a 16-bit PNG of distances, a picture
// of heat, or motion as CSV. A video is no file here; see Frames.
func (d *DualEncoder) SignalFile(s Sense, file []byte, c Camera) (Signal, error) {
	if err := d.need(s); err != nil {
		return Signal{}, err
	}
	o := picture.Options{Local: true, Limits: picture.LocalLimits(0)}
	switch s {
	case Audio:
		return d.SoundFile(file)
	case IMU:
		return d.MotionFile(file)
	case Depth:
		im, err := picture.DecodeGray16(file, o)
		if err != nil {
			return Signal{}, err
		}
		return d.DepthMap(im, c)
	case Thermal:
		if picture.IsGray16(file) {
			return Signal{}, errors.New("fusion: a thermal picture has 8 bits a pixel, this one has 16; save it with 8, brighter where it is warmer")
		}
		im, err := picture.Decode(file, o)
		if err != nil {
			return Signal{}, err
		}
		return d.ThermalPicture(im)
	}
	return Signal{}, fmt.Errorf("fusion: %s is not read from one file", s)
}

func (d *DualEncoder) sense(s Sense, read func() (imagebind.Signal, error)) (Signal, error) {
	if err := d.need(s); err != nil {
		return Signal{}, err
	}
	signal, err := read()
	return Signal{Sense: s, signal: signal}, err
}

// EmbedSignals encodes signals, each to a vector of unit length.
func (d *DualEncoder) EmbedSignals(ctx context.Context, signals []Signal) ([][]float32, error) {
	v, err := d.RawSignals(ctx, signals)
	return Normalize(v), err
}

// RawSignals encodes signals to vectors as the model makes them: the mean over a
// signal's clips, times the factor that the sense was trained with.
func (d *DualEncoder) RawSignals(ctx context.Context, signals []Signal) ([][]float32, error) {
	out := make([][]float32, len(signals))
	for _, sense := range d.Senses() {
		var at []int
		for i, s := range signals {
			if s.Sense == sense {
				at = append(at, i)
			}
		}
		rows, err := d.embedSense(ctx, sense, signals, at)
		if err != nil {
			return nil, err
		}
		for k, i := range at {
			out[i] = rows[k]
		}
	}
	for i, s := range signals {
		if out[i] == nil {
			return nil, d.need(s.Sense)
		}
	}
	return out, nil
}

// embedSense encodes those of the signals that are of one sense.
func (d *DualEncoder) embedSense(ctx context.Context, sense Sense, signals []Signal, at []int) ([][]float32, error) {
	if len(at) == 0 {
		return nil, nil
	}
	if sense == Video {
		return d.embedVideos(ctx, signals, at)
	}
	some := make([]imagebind.Signal, len(at))
	for k, i := range at {
		some[k] = signals[i].signal
	}
	return d.senses[imagebind.Modality(sense)].Embed(ctx, some)
}

// openSenses opens the towers besides those of pictures and texts.
func (d *DualEncoder) openSenses(ctx context.Context) error {
	if d.conf.Family != "imagebind" {
		return nil
	}
	o := d.options
	d.senses = map[imagebind.Modality]*imagebind.Encoder{}
	var errs []error
	for _, m := range imagebind.Modalities {
		e, err := imagebind.Load(ctx, d.folder, d.conf, m, imagebind.Options{Device: o.Device, DType: o.DType, Bulk: o.Bulk, Lazy: o.Lazy, Cache: o.Cache})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.senses[m] = e
	}
	return weights.Join(errs...)
}

// ReadyToSense is Ready for one sense.
func (d *DualEncoder) ReadyToSense(s Sense) error {
	if err := d.need(s); err != nil {
		return err
	}
	if s == Video {
		return d.vision.Ready()
	}
	return d.senses[imagebind.Modality(s)].Ready()
}

// licence is added to the error of a folder that has ImageBind's weights only as they
// were published.
const licence = "ImageBind's weights are licensed CC-BY-NC 4.0: they may not be used commercially"

// withLicence says it where the weights still have to be converted.
func (d *DualEncoder) withLicence(err error) error {
	if err == nil || d.conf.Family != "imagebind" || !strings.Contains(err.Error(), "pickle files") {
		return err
	}
	return errors.New(err.Error() + "\n" + licence)
}
