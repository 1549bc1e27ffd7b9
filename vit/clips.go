package vit

import (
	"context"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/internal/tensor"
)

// Clip is a short piece of a video as a model takes it: as many frames as
// Encoder.Frames says, of the model's size, normalised.
type Clip [][]float32 // (F, H·W·3)

// Frames is how many frames of a video the model reads at a time; 1: it reads
// pictures only.
func (e *Encoder) Frames() int { return max(e.net.config.frames, 1) }

// Colours brings a colour, from 0 to 1, to the numbers of a Clip.
func (e *Encoder) Colours(rgb [3]float32) [3]float32 {
	for i := range rgb {
		rgb[i] = (rgb[i] - float32(e.preprocess.mean[i])) / float32(e.preprocess.std[i])
	}
	return rgb
}

// EmbedClips encodes clips into one vector each, as Embed does pictures.
func (e *Encoder) EmbedClips(ctx context.Context, clips []Clip) ([][]float32, error) {
	c := e.net.config
	for i, clip := range clips {
		for _, frame := range clip {
			if len(clip) != e.Frames() || e.Frames() == 1 || len(frame) != 3*c.side*c.side {
				return nil, fmt.Errorf("vit: clip %d has %d frames of %d values, the model takes %d of %d", i, len(clip), len(frame), e.Frames(), 3*c.side*c.side)
			}
		}
	}
	if err := e.load(); err != nil {
		return nil, err
	}
	var all [][]float32
	for part := range slices.Chunk(clips, c.turn(e.Tokens())) {
		rows, err := e.run(ctx, input{clips: part}, e.Dim(), func(s *tensor.Stream, in input, y tensor.Tensor) { e.net.forward(s, in, c.pool, y) })
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// embedFrames is embed where a patch reaches over several frames. A picture is a
// video that stands still.
func (n *net) embedFrames(s *tensor.Stream, in input, x tensor.Tensor) {
	c, one := n.config, n.Patch.In/n.config.frames
	patches := s.New(s.Activations(n.Patch.Kind), x.Dim(0), x.Dim(1), n.Patch.In) // (B, L, F·P·P·3)
	for f := range c.frames {
		pixels, scale := n.frame(s, in, f)
		s.Do(&tensor.Patchify{X: pixels, Patch: c.patch, Lead: c.lead(), Scale: scale, Shift: in.shift, Y: patches.ColSlice(f*one, (f+1)*one)})
	}
	s.Do(&tensor.Linear{X: patches, W: n.Patch.W, Res: n.start, Y: x})
}

// frame copies one frame of every part of the input to the device, (B, H, W·3),
// and says what its values are multiplied with.
func (n *net) frame(s *tensor.Stream, in input, f int) (pixels tensor.Tensor, scale [3]float32) {
	if len(in.pictures) > 0 {
		return put(s, in.pictures), in.scale
	}
	pixels = s.NewDense(tensor.F32, len(in.clips), n.config.side, 3*n.config.side)
	for i, clip := range in.clips {
		tensor.Put(s, pixels.Slice(i, i+1), clip[f])
	}
	return pixels, [3]float32{1, 1, 1} // they are normalised
}
