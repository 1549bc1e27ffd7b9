package calibrate

import "math"

// A Judge holds one query against the background. It may be used from many
// goroutines.
type Judge struct {
	b       *Background
	query   []float32
	scores  moments // of the query with the sample
	picture bool
}

// Words judges the hits of a query of words, whose vector has unit length.
func (b *Background) Words(query []float32) *Judge {
	return &Judge{b: b, query: query, scores: momentsOf(dots(query, b.sample))}
}

// Picture judges the hits of a query that is a picture.
func (b *Background) Picture(query []float32) *Judge {
	j := b.Words(query)
	j.picture = true
	return j
}

// Probability judges a hit by its vector of unit length.
func (j *Judge) Probability(hit []float32) float64 {
	score := dot(j.query, hit)
	if !j.picture {
		return j.words(score, hit).Probability()
	}
	p := j.like(score, hit).Probability()
	if j.scores.n < fewest { // too few to say what is unusual, but the same is the same
		p = max(p, sigmoid((score-sameCosine)/sameWidth))
	}
	return p
}

const (
	sameCosine = 0.97
	sameWidth  = 0.004
)

// words gathers the evidence for a hit of words.
func (j *Judge) words(score float64, hit []float32) WordsEvidence {
	onHit := momentsOf(dots(hit, j.b.captions))
	background := j.scores
	background.blend(onHit, fewest-background.n)
	return WordsEvidence{
		Height: background.above(score) / j.b.chance,
		Best:   steps(score-j.b.top, j.b.spread),
		OnHit:  onHit.above(score),
	}
}

// like gathers the evidence for a hit of a picture.
func (j *Judge) like(score float64, hit []float32) PictureEvidence {
	return PictureEvidence{
		Height:   j.scores.above(score) / j.b.chance,
		Likeness: math.Atanh(min(0.999, max(-0.999, j.b.centred(j.query, hit, score)))),
		Chance:   j.b.chance,
	}
}

// centred is the cosine of two vectors seen from the sample's mean.
func (b *Background) centred(x, y []float32, xy float64) float64 {
	if b.centre == nil {
		return 0
	}
	xm, ym, mm := dot(x, b.centre), dot(y, b.centre), dot(b.centre, b.centre)
	xx, yy := max(0, 1-2*xm+mm), max(0, 1-2*ym+mm)
	norm := math.Sqrt(xx * yy)
	if norm < leastSpread {
		return 0
	}
	return (xy - xm - ym + mm) / norm
}
