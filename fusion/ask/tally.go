package ask

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Counted is how many pictures of a collection show something.
type Counted struct {
	Estimate  float64 `json:"estimate"`
	Low       int     `json:"low"`  // of an interval that holds the truth 19 times in 20
	High      int     `json:"high"` // of it
	Inspected int     `json:"inspected"`
	Of        int     `json:"of"` // pictures in the collection

	share float64
}

// Stratum is a part of a collection: the probabilities of the pictures that were
// inspected, drawn at random from Size, and as if every other picture showed it.
type Stratum struct {
	Probabilities []float64
	Size          int
}

const (
	resamples = 200
	sure      = 1e-6
)

// Tally estimates a count. The probabilities are brought from even chances to how common
// the thing is in this collection, which they say themselves, and not exactly: the share
// has a likelihood (Saerens, Latinne and Decaestecker, Neural Computation 14, 2002, take
// its maximum), and before anything is seen every order of magnitude is as likely as
// another. The interval is of draws: strata resampled, a share of its distribution, and a
// truth that the probabilities then allow. One seed gives one answer.
func Tally(strata []Stratum, seed uint64) Counted {
	c := Counted{}
	for _, s := range strata {
		c.Inspected += len(s.Probabilities)
		c.Of += s.Size
	}
	if c.Inspected == 0 {
		c.High = c.Of
		return c
	}
	own := sharesOf(strata, c.Of)
	for i, share := range own.shares {
		c.Estimate += own.chances[i] * expected(strata, share)
		c.share += own.chances[i] * share
	}
	r := rand.New(rand.NewPCG(seed, 0x61736b))
	draws := make([]float64, resamples)
	for i := range draws {
		if i%8 == 0 { // resampling is what costs
			own = sharesOf(resample(strata, r), c.Of)
		}
		draws[i] = drawn(strata, own.draw(r), r)
	}
	slices.Sort(draws)
	at := func(q float64) float64 { return draws[int(q*float64(resamples-1)+0.5)] }
	const rounding = 1e-6
	c.Low, c.High = int(math.Floor(min(at(0.02), c.Estimate)+rounding)), int(math.Ceil(max(at(0.98), c.Estimate)-rounding))
	c.Low, c.High = max(0, c.Low), min(c.Of, c.High)
	return c
}

// shares is a distribution over how common a thing is.
type shares struct{ shares, chances []float64 }

const gridded = 48

// sharesOf is the distribution of the share of a collection of size pictures, on a
// logarithmic grid from a fifth of a picture to all but a fifth of one.
func sharesOf(strata []Stratum, size int) shares {
	var d shares
	least := 0.2 / float64(max(1, size))
	most := math.Inf(-1)
	for k := range gridded {
		share := math.Exp(math.Log(least) * (1 - float64(k)/(gridded-1)))
		share = min(share, 1-least)
		sum := 0.0
		for _, s := range strata {
			for _, p := range s.Probabilities {
				sum += weight(s) * math.Log(max(1e-12, likelihood(p, share)))
			}
		}
		d.shares, d.chances = append(d.shares, share), append(d.chances, sum)
		most = max(most, sum)
	}
	total := 0.0
	for k := range d.chances {
		d.chances[k] = math.Exp(d.chances[k] - most)
		total += d.chances[k]
	}
	for k := range d.chances {
		d.chances[k] /= total
	}
	return d
}

// likelihood is how likely a picture like this is where the share shows the thing.
func likelihood(p, share float64) float64 { return p*share + (1-p)*(1-share) }

func (d shares) draw(r *rand.Rand) float64 {
	u := r.Float64()
	for k, c := range d.chances {
		if u -= c; u < 0 {
			return d.shares[k]
		}
	}
	return d.shares[len(d.shares)-1]
}

func weight(s Stratum) float64 { return float64(s.Size) / float64(max(1, len(s.Probabilities))) }

// shifted brings a probability at even chances to those of share. What is certain stays.
func shifted(p, share float64) float64 {
	if p < sure || p > 1-sure {
		return math.Round(p)
	}
	yes, no := p*share, (1-p)*(1-share)
	return yes / (yes + no)
}

func expected(strata []Stratum, share float64) (sum float64) {
	for _, s := range strata {
		for _, p := range s.Probabilities {
			sum += weight(s) * shifted(p, share)
		}
	}
	return sum
}

// resample draws as many pictures of each stratum as were inspected, with repetition.
func resample(strata []Stratum, r *rand.Rand) []Stratum {
	out := make([]Stratum, len(strata))
	for i, s := range strata {
		out[i] = Stratum{make([]float64, len(s.Probabilities)), s.Size}
		for k := range s.Probabilities {
			out[i].Probabilities[k] = s.Probabilities[r.IntN(len(s.Probabilities))]
		}
	}
	return out
}

// drawn is one truth that the probabilities allow: of what was inspected picture by
// picture, of the rest by pictures like those inspected.
func drawn(strata []Stratum, share float64, r *rand.Rand) (sum float64) {
	for _, s := range strata {
		if len(s.Probabilities) == 0 {
			continue
		}
		for _, p := range s.Probabilities {
			if r.Float64() < shifted(p, share) {
				sum++
			}
		}
		if rest := s.Size - len(s.Probabilities); rest > 0 {
			sum += ofRest(s, share, rest, r)
		}
	}
	return sum
}

// ofRest draws how many of the pictures that were not inspected show it. The share of
// them follows from resampled ones, with one picture's doubt (a Beta distribution's).
func ofRest(s Stratum, share float64, rest int, r *rand.Rand) float64 {
	n, mean := float64(len(s.Probabilities)), 0.0
	for range s.Probabilities {
		mean += shifted(s.Probabilities[r.IntN(len(s.Probabilities))], share) / n
	}
	spread := math.Sqrt(max(mean*(1-mean), share*share/n) / n)
	p := min(1, max(0, mean+spread*r.NormFloat64()))
	return max(0, float64(rest)*p+math.Sqrt(float64(rest)*p*(1-p))*r.NormFloat64())
}

// Probability brings a picture's probability at even chances to those of the collection.
func (c Counted) Probability(p float64) float64 { return shifted(p, c.share) }
