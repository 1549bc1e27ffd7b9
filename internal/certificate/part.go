package certificate

import (
	"fmt"
	"math"
	"slices"
)

// Part is what was measured of one part of a model.
type Part struct {
	Part      string  `json:"part"`            // one of the names below
	DType     string  `json:"dtype,omitempty"` // none where it does not matter
	Golden    string  `json:"golden"`
	Measure   string  `json:"measure"`   // how: one of the measures below
	Worst     float64 `json:"worst"`     // the largest that was found
	Tolerance float64 `json:"tolerance"` // the largest that is right
	Checked   int     `json:"checked"`   // numbers, or tokens, that were compared
	OK        bool    `json:"ok"`
}

// The parts of a model.
const (
	PartPictures   = "picture tower" // up to the projection
	PartTexts      = "text tower"
	PartProjection = "projection" // vectors of both
	PartScores     = "scores"     // of pictures against texts
	PartLabels     = "labels"     // of a classification head
	PartDecoder    = "decoder"    // of a masked autoencoder
	PartResize     = "resize"     // of pictures, up to the normalisation
	PartTokenizer  = "tokenizer"
)

// The measures.
const (
	Difference = "largest difference"           // of elements of unit vectors, or of scores
	Angle      = "1 − cosine"                   // of vectors
	Levels     = "largest difference of pixels" // of 255
	Tokens     = "tokens that differ"
)

// gate is how a dtype is measured and what it is held to.
type gate struct {
	measure   string
	tolerance float64
}

// gates are the project's for vectors of identical pixels or tokens, by dtype.
var gates = map[string]gate{
	"f32": {Difference, 3e-5}, "f16": {Angle, 0.0005}, "bf16": {Angle, 0.0005}, "int8": {Angle, 0.002},
	"int4": fourBits, "int4-32": fourBits, "int4-128": fourBits,
}

// fourBits is what 16 steps take from random weights of these sizes.
var fourBits = gate{Angle, 0.1}

// DTypes are those that a certificate is about, beside the model's own.
var DTypes = []string{"f32", "f16", "bf16", "int8", "int4"}

// judge compares vectors with the reference's, as rows of unit length.
func judge(part, dtype string, want, got [][]float32) Part {
	g := gates[dtype]
	p := Part{Part: part, DType: dtype, Measure: g.measure, Tolerance: g.tolerance, Worst: math.Inf(1)}
	if len(want) != len(got) {
		return p
	}
	p.Worst = 0
	for i := range want {
		p.Worst = max(p.Worst, apart(g.measure, want[i], got[i])) // a NaN stays
		p.Checked += len(want[i])
	}
	p.OK = p.Worst <= p.Tolerance
	return p
}

// apart is how far a vector is from the reference's; the reference may have only the
// first elements.
func apart(measure string, want, got []float32) float64 {
	if len(got) < len(want) {
		return math.Inf(1)
	}
	var ww, gg, wg float64
	for i, w := range want {
		w, g := float64(w), float64(got[i])
		ww, gg, wg = ww+w*w, gg+g*g, wg+w*g
	}
	if measure == Angle {
		return 1 - wg/math.Sqrt(ww*gg)
	}
	worst := 0.0
	for i, w := range want {
		worst = max(worst, math.Abs(float64(w)/math.Sqrt(ww)-float64(got[i])/math.Sqrt(gg)))
	}
	return worst
}

// judgeScores compares scores as they are: what random models score means nothing
// in less than f32.
func judgeScores(part string, want, got [][]float32) Part {
	p := Part{Part: part, DType: "f32", Measure: Difference, Tolerance: 1e-3}
	for i := range want {
		for j, w := range want[i] {
			p.Worst = max(p.Worst, math.Abs(float64(w)-float64(got[i][j])))
		}
		p.Checked += len(want[i])
	}
	p.OK = p.Worst <= p.Tolerance
	return p
}

func (p Part) String() string {
	in := ""
	if p.DType != "" {
		in = " in " + p.DType
	}
	return fmt.Sprintf("%s%s: %s %.2g, at most %.2g is right", p.Part, in, p.Measure, p.Worst, p.Tolerance)
}

// worst keeps of each part in each dtype the golden that is furthest from its
// tolerance, in the order of the parts' first results.
func worst(results []Result) []Part {
	var all []Part
	for _, r := range results {
		for _, p := range r.Parts {
			if p.DType == "" && r.DType != results[0].DType {
				continue // the same again
			}
			i := slices.IndexFunc(all, func(q Part) bool { return q.Part == p.Part && q.DType == p.DType })
			if i < 0 {
				all = append(all, p)
				continue
			}
			p.Checked += all[i].Checked
			if checked := p.Checked; !(p.Worst > all[i].Worst) {
				p = all[i]
				p.Checked = checked
			}
			all[i] = p
		}
	}
	return all
}
