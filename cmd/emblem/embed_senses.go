package main

import (
	"fmt"
	"image"
	"os"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
)

// senseFlags say what files are that are no pictures.
type senseFlags struct {
	modality        string
	fps             float64
	focal, baseline float64
}

func (f *senseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.modality, "modality", "", "what the files are, for a model that reads more than pictures: image, audio (WAV), video (folders of frames), depth (16-bit PNG, millimetres), thermal (pictures of heat) or imu (CSV of six columns); default: pictures and WAV files, by their content")
	cmd.Flags().Float64Var(&f.fps, "fps", 25, "frames a second, for --modality video")
	cmd.Flags().Float64Var(&f.focal, "focal", 518.857901, "the depth camera's focal length in pixels, for --modality depth")
	cmd.Flags().Float64Var(&f.baseline, "baseline", 0.075, "metres between the depth camera's eyes, for --modality depth")
}

func (f *senseFlags) check() error {
	if err := oneOf("modality", f.modality, "", "image", "audio", "video", "depth", "thermal", "imu"); err != nil {
		return err
	}
	if !(f.fps > 0) {
		return usagef("--fps has to be over 0")
	}
	if !(f.focal > 0 && f.baseline > 0) {
		return usagef("--focal and --baseline have to be over 0")
	}
	return nil
}

func (f *senseFlags) camera() fusion.Camera {
	return fusion.Camera{Focal: f.focal, Baseline: f.baseline}
}

// soundEndings are the files that a folder stands for besides pictures, for a model
// that hears.
var soundEndings = map[string]bool{".wav": true, ".wave": true}

// paths lists the files that arguments stand for. A video is the folder itself.
func (f *senseFlags) paths(args []string, hears bool) []string {
	switch fusion.Sense(f.modality) {
	case fusion.Video:
		return args
	case fusion.Audio:
		return filePaths(args, soundEndings)
	case fusion.IMU:
		return filePaths(args, map[string]bool{".csv": true})
	case fusion.Depth:
		return filePaths(args, map[string]bool{".png": true})
	}
	endings := map[string]bool{}
	for e := range pictureEndings {
		endings[e] = true
	}
	for e := range soundEndings {
		endings[e] = hears && f.modality == ""
	}
	return filePaths(args, endings)
}

// of says by which sense a file is read; none: it is a picture. Commands without the
// flags take pictures only.
func (f *senseFlags) of(data []byte) fusion.Sense {
	if f == nil || f.modality == "image" {
		return ""
	}
	if _, isPicture := picture.Sniff(data); f.modality == "" && !isPicture {
		if _, ok := audio.Sniff(data); ok {
			return fusion.Audio
		}
	}
	return fusion.Sense(f.modality)
}

// ready reads the weights of the sense that will be used, so that a model that has not
// got it, or is damaged, fails before there is any output.
func (f *senseFlags) ready(m *models.Model) error {
	if f.modality == "" || f.modality == "image" {
		return nil
	}
	if err := m.ReadyToSense(fusion.Sense(f.modality)); err != nil {
		return modelError(err)
	}
	return nil
}

// video reads a folder of frames.
func (l *loader) video(folder string) (*fusion.Signal, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("no folder %q; a video is a folder of its frames", folder)
	}
	frames := picturePaths([]string{folder})
	if len(frames) == 0 {
		return nil, fmt.Errorf("no pictures in %s; a video is a folder of its frames", folder)
	}
	s, err := l.model.Frames(len(frames), l.senses.fps, func(i int) (image.Image, error) {
		data, err := picture.ReadFile(frames[i], l.limits.MaxBytes)
		if err != nil {
			return nil, err
		}
		return picture.Decode(data, picture.Options{Local: true, Limits: l.limits})
	})
	return &s, err
}
