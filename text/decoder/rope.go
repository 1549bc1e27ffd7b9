package decoder

import (
	"cmp"
	"fmt"
	"math"
)

// hfRope is rope_parameters, or the older rope_scaling, of transformers.
type hfRope struct {
	Kind     string   `json:"rope_type"`
	OldKind  string   `json:"type"`
	Theta    *float64 `json:"rope_theta"`
	Factor   float64  `json:"factor"`
	Original int      `json:"original_max_position_embeddings"`
	Low      float64  `json:"low_freq_factor"`
	High     float64  `json:"high_freq_factor"`
	BetaFast float64  `json:"beta_fast"`
	BetaSlow float64  `json:"beta_slow"`
	Scale    *float64 `json:"attention_factor"`
	MScale   float64  `json:"mscale"`
	MScaleAl float64  `json:"mscale_all_dim"`
	Truncate *bool    `json:"truncate"`
	Partial  *float64 `json:"partial_rotary_factor"`
}

// rope says by which angles positions turn pairs of elements.
type rope struct {
	kind      string // default, linear, dynamic, yarn or llama3
	theta     float64
	dim       int // of a head: all of it is turned
	positions int // that the model was made for, by its configuration
	factor    float64
	original  int // positions before scaling
	low, high float64
	fast      float64
	slow      float64
	scale     float64 // of the cosines and sines
	truncate  bool
}

// ok tells whether positions turn elements at all.
func (r rope) ok() bool { return r.kind != "" }

// read checks the parameters; f may be nil.
func (f *hfRope) read(theta float64, dim, positions int) (rope, error) {
	if f == nil {
		f = &hfRope{}
	}
	r := rope{
		kind: cmp.Or(f.Kind, f.OldKind, "default"), theta: theta, dim: dim, positions: positions, factor: f.Factor,
		original: cmp.Or(f.Original, positions), low: f.Low, high: f.High,
		fast: cmp.Or(f.BetaFast, 32), slow: cmp.Or(f.BetaSlow, 1), scale: 1, truncate: f.Truncate == nil || *f.Truncate,
	}
	if f.Theta != nil {
		r.theta = *f.Theta
	}
	if f.Partial != nil && *f.Partial != 1 {
		return r, refuse("partial_rotary_factor", *f.Partial, "only 1 is")
	}
	if r.kind == "yarn" {
		if r.factor == 0 && f.Original > 0 {
			r.factor = float64(positions) / float64(f.Original)
		}
		r.scale = f.temperature(r.factor)
	}
	return r, r.check()
}

// temperature is YaRN's scaling of the scores, put into cosines and sines.
func (f *hfRope) temperature(factor float64) float64 {
	of := func(m float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(factor) + 1
	}
	switch {
	case f.Scale != nil:
		return *f.Scale
	case f.MScale != 0 && f.MScaleAl != 0:
		return of(f.MScale) / of(f.MScaleAl)
	}
	return of(1)
}

func (r rope) check() error {
	const where = "decoder: config.json: rope_parameters"
	good := func(x float64) bool { return x > 0 && x < 1e12 }
	switch {
	case r.dim%2 != 0:
		return fmt.Errorf("decoder: config.json: head_dim %d is odd: pairs of elements cannot be turned", r.dim)
	case !(r.theta > 1 && r.theta < 1e15):
		return fmt.Errorf("%s: rope_theta is %g, want more than 1", where, r.theta)
	case r.kind == "default":
		return nil
	case r.kind != "linear" && r.kind != "dynamic" && r.kind != "yarn" && r.kind != "llama3":
		return fmt.Errorf("%s: rope_type %q is not supported; default, linear, dynamic, yarn and llama3 are", where, r.kind)
	case !(r.factor >= 1 && r.factor <= 1<<20):
		return fmt.Errorf("%s: factor is %g, want 1 or more", where, r.factor)
	case r.original < 1 || r.original > 1<<24:
		return fmt.Errorf("%s: original_max_position_embeddings is %d", where, r.original)
	case r.kind == "dynamic" && r.dim == 2:
		return fmt.Errorf("%s: dynamic scaling needs heads of more than 2 elements", where)
	case r.kind == "llama3" && !(good(r.low) && good(r.high) && r.low < r.high):
		return fmt.Errorf("%s: low_freq_factor %g and high_freq_factor %g, want the first below the second", where, r.low, r.high)
	case r.kind == "yarn" && !(good(r.fast) && good(r.slow) && good(r.scale)):
		return fmt.Errorf("%s: beta_fast %g, beta_slow %g or the attention factor %g is out of range", where, r.fast, r.slow, r.scale)
	}
	return nil
}

// reach is the longest sequence: what the configuration says, or what scaling makes
// of the positions before it.
func (r rope) reach() int {
	switch r.kind {
	case "linear", "dynamic":
		return int(r.factor * float64(r.positions))
	case "yarn":
		return max(r.positions, int(r.factor*float64(r.original)))
	}
	return r.positions
}

// inverse are the frequencies, in radians a position, of the dim/2 pairs. Only
// dynamic scaling looks at the length of the sequence. As in transformers, what is a
// tensor there is rounded to float32.
func (r rope) inverse(length int) []float32 {
	theta := r.theta
	if r.kind == "dynamic" { // of /u/emozilla: the base grows with the sequence
		seq, d := float64(max(length, r.positions)), float64(r.dim)
		theta *= math.Pow(r.factor*seq/float64(r.positions)-(r.factor-1), d/(d-2))
	}
	inv := make([]float32, r.dim/2)
	for i := range inv {
		inv[i] = 1 / float32(math.Pow(theta, float64(float32(2*i)/float32(r.dim))))
	}
	switch r.kind {
	case "linear":
		for i := range inv {
			inv[i] /= float32(r.factor)
		}
	case "yarn":
		r.yarn(inv)
	case "llama3":
		r.llama3(inv)
	}
	return inv
}

// yarn blends the frequencies with those of linear scaling: pairs that turn often
// within the original length stay as they are (arXiv 2309.00071, section 3.2).
func (r rope) yarn(inv []float32) {
	turns := func(n float64) float64 { // the pair that turns n times
		return float64(r.dim) * math.Log(float64(r.original)/(n*2*math.Pi)) / (2 * math.Log(r.theta))
	}
	low, high := turns(r.fast), turns(r.slow)
	if r.truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(r.dim-1))
	if low == high {
		high += 0.001
	}
	for i, f := range inv {
		ramp := min(max((float32(i)-float32(low))/float32(high-low), 0), 1)
		inv[i] = f/float32(r.factor)*ramp + f*(1-ramp)
	}
}

// llama3 divides the frequencies of long waves by the factor, and less those of
// middle ones.
func (r rope) llama3(inv []float32) {
	long, short := float64(r.original)/r.low, float64(r.original)/r.high
	for i, f := range inv {
		wave := 2 * math.Pi / float64(f)
		switch {
		case wave > long:
			inv[i] = f / float32(r.factor)
		case wave >= short:
			smooth := (float64(r.original)/wave - r.low) / (r.high - r.low)
			inv[i] = float32((1-smooth)*float64(f)/r.factor + smooth*float64(f))
		}
	}
}

// tables are the cosines and sines (T, dim/2) of tokens at positions at of sequences
// whose lengths are spans.
func (r rope) tables(at, spans []int32) (cos, sin []float32) {
	var inv []float32
	for t, p := range at {
		if t == 0 || r.kind == "dynamic" && spans[t] != spans[t-1] {
			inv = r.inverse(int(spans[t]))
		}
		for _, f := range inv {
			s, c := math.Sincos(float64(float32(p) * f))
			cos, sin = append(cos, float32(c*r.scale)), append(sin, float32(s*r.scale))
		}
	}
	return cos, sin
}
