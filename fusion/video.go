package fusion

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/big"

	"github.com/emblem-search/emblem/internal/imagebind"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// How ImageBind's data.py sees a video: five clips of two seconds, evenly from the
// beginning to the end; the first and the last frame of each; three squares of those,
// at both ends and in the middle.
const (
	videoClips   = 5
	videoSeconds = 2
)

// Frames brings a video of n frames, so many a second, to what the model reads. It
// asks for at most ten of them, from the first on, some of them more than once.
func (d *DualEncoder) Frames(n int, perSecond float64, frame func(i int) (image.Image, error)) (Signal, error) {
	if err := d.need(Video); err != nil {
		return Signal{}, err
	}
	if n < 1 || !(perSecond > 0) || math.IsInf(perSecond, 0) {
		return Signal{}, fmt.Errorf("fusion: %d frames at %v a second are no video", n, perSecond)
	}
	out := Signal{Sense: Video}
	for _, pair := range framePairs(n, perSecond) {
		var squares [3]vit.Clip
		for _, i := range pair {
			im, err := frame(i)
			if err != nil {
				return Signal{}, err
			}
			if im.Bounds().Empty() {
				return Signal{}, fmt.Errorf("fusion: frame %d has no pixels", i)
			}
			for k, s := range d.squares(im) {
				squares[k] = append(squares[k], s)
			}
		}
		out.video = append(out.video, squares[:]...)
	}
	return out, nil
}

// framePairs are the first and the last frame of each clip of a video of n frames. The
// reference divides the time exactly, and takes the frames that begin within it.
func framePairs(n int, perSecond float64) [][2]int {
	most := new(big.Rat).SetFloat64(max(float64(n)/perSecond-videoSeconds, 0)) // seconds
	pairs := make([][2]int, videoClips)
	for i := range pairs {
		start := new(big.Rat).Mul(most, big.NewRat(int64(i), videoClips-1))
		from, _ := start.Float64()
		to, _ := start.Add(start, big.NewRat(videoSeconds, 1)).Float64()
		first := min(int(math.Ceil(perSecond*from)), n-1)
		pairs[i] = [2]int{first, max(first, min(int(math.Ceil(perSecond*to)), n)-1)}
	}
	return pairs
}

// squares scales a frame to the model's size by its shorter side and cuts three squares
// out of it, normalised.
func (d *DualEncoder) squares(im image.Image) [3][]float32 {
	p := picture.FromImage(im)
	side := d.vision.Preprocess().Side()
	w, h := side, side
	if p.W < p.H {
		h = int(math.Floor(float64(p.H) / float64(p.W) * float64(side)))
	} else {
		w = int(math.Floor(float64(p.W) / float64(p.H) * float64(side)))
	}
	values := make([]float32, len(p.Pix))
	for i, v := range p.Pix {
		values[i] = float32(v) / 255
	}
	values = imagebind.Bilinear(values, p.W, p.H, 3, w, h)
	var out [3][]float32
	for k := range out {
		out[k] = d.square(values, w, k*(w-side)/2, k*(h-side)/2, side)
	}
	out[1] = d.square(values, w, (w-side+1)/2, (h-side+1)/2, side) // the middle one is rounded up
	return out
}

// square cuts a square at (x, y) out of rows of w pixels and normalises it.
func (d *DualEncoder) square(values []float32, w, x, y, side int) []float32 {
	out := make([]float32, 0, 3*side*side)
	for r := range side {
		row := values[((y+r)*w+x)*3:][:3*side]
		for i := 0; i < len(row); i += 3 {
			c := d.vision.Colours([3]float32(row[i : i+3]))
			out = append(out, c[:]...)
		}
	}
	return out
}

// embedVideos encodes the signals at some places: the mean of the unit vectors of a
// video's clips.
func (d *DualEncoder) embedVideos(ctx context.Context, signals []Signal, at []int) ([][]float32, error) {
	var clips []vit.Clip
	for _, i := range at {
		clips = append(clips, signals[i].video...)
	}
	rows, err := d.vision.EmbedClips(ctx, clips)
	if err != nil {
		return nil, err
	}
	Normalize(rows)
	out := make([][]float32, len(at))
	for k, i := range at {
		n := len(signals[i].video)
		out[k], rows = mean(rows[:n]), rows[n:]
	}
	return out, nil
}

// mean averages rows.
func mean(rows [][]float32) []float32 {
	out := make([]float32, len(rows[0]))
	for i := range out {
		sum := 0.0
		for _, r := range rows {
			sum += float64(r[i])
		}
		out[i] = float32(sum / float64(len(rows)))
	}
	return out
}
