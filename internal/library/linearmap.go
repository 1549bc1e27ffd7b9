package library

import (
	"encoding/binary"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// linearMap carries vectors of one model into the space of another, where they
// stand in for that model's own. It was fitted on pictures that both models have
// embedded. Words lie elsewhere than pictures in such spaces, but the directions
// mean the same: they have the matrix of the pictures and an offset of their own.
type linearMap struct {
	from, to int       // dimensions
	matrix   []float32 // (from, to)
	pictures []float32 // (to) the offset of pictures
	words    []float32 // (to) the offset of words
}

// carry maps a vector; the result has unit length.
func (m *linearMap) carry(v []float32, words bool) []float32 {
	offset := m.pictures
	if words {
		offset = m.words
	}
	sum := make([]float64, m.to)
	for k := range sum {
		sum[k] = float64(offset[k])
	}
	for i, x := range v {
		for k, w := range m.matrix[i*m.to : (i+1)*m.to] {
			sum[k] += float64(x) * float64(w)
		}
	}
	return unit(sum)
}

// unit is a vector at length 1, if it has any.
func unit(v []float64) []float32 {
	var norm float64
	for _, x := range v {
		norm += x * x
	}
	norm = max(math.Sqrt(norm), 1e-12)
	out := make([]float32, len(v))
	for k, x := range v {
		out[k] = float32(x / norm)
	}
	return out
}

// ridges are the weights of the penalty that are tried, as shares of the mean
// square of the coordinates.
var ridges = []float64{1e-6, 1e-4, 1e-2, 1e-1, 1}

// fitMap fits a map by least squares with a penalty on the size of the matrix; of
// the penalties the one counts that does best on the check pairs. Each row of
// from and to is one picture.
func fitMap(from, to, checkFrom, checkTo [][]float32) (*linearMap, error) {
	fromMean, toMean := mean(from), mean(to)
	x, y := centred(from, fromMean), centred(to, toMean) // (N, from), (N, to)
	var gram, cross mat.Dense                            // (from, from), (from, to)
	gram.Mul(x.T(), x)
	cross.Mul(x.T(), y)
	var best *linearMap
	score := math.Inf(-1)
	for _, r := range ridges {
		matrix, err := solveRidge(&gram, &cross, r)
		if err != nil {
			continue // nearly singular: a larger penalty helps
		}
		m := newLinearMap(matrix, fromMean, toMean)
		if s := m.agreement(checkFrom, checkTo); s > score {
			best, score = m, s
		}
	}
	if best == nil {
		return nil, errors.New("no map between the two models' vectors can be fitted")
	}
	return best, nil
}

// solveRidge solves (gram + r·scale·I) W = cross.
func solveRidge(gram, cross *mat.Dense, r float64) (*mat.Dense, error) {
	n, _ := gram.Dims()
	damp := r * mat.Trace(gram) / float64(n)
	a := mat.NewSymDense(n, nil)
	for i := range n {
		for k := i; k < n; k++ {
			a.SetSym(i, k, gram.At(i, k))
		}
		a.SetSym(i, i, gram.At(i, i)+damp)
	}
	var factors mat.Cholesky
	if !factors.Factorize(a) {
		return nil, errors.New("not positive definite")
	}
	var w mat.Dense
	err := factors.SolveTo(&w, cross)
	var condition mat.Condition
	if errors.As(err, &condition) && float64(condition) < 1e14 {
		err = nil
	}
	return &w, err
}

// newLinearMap is y = (x − fromMean)·W + toMean.
func newLinearMap(w *mat.Dense, fromMean, toMean []float64) *linearMap {
	from, to := w.Dims()
	m := &linearMap{from: from, to: to, matrix: make([]float32, from*to), pictures: make([]float32, to)}
	for k := range to {
		offset := toMean[k]
		for i := range from {
			m.matrix[i*to+k] = float32(w.At(i, k))
			offset -= fromMean[i] * w.At(i, k)
		}
		m.pictures[k] = float32(offset)
	}
	m.words = m.pictures
	return m
}

// moveWords gives words the offset at which they come, in the mean, where the
// other model has them.
func (m *linearMap) moveWords(from, to [][]float32) {
	fromMean, toMean := mean(from), mean(to)
	m.words = make([]float32, m.to)
	for k := range m.words {
		offset := toMean[k]
		for i, x := range fromMean {
			offset -= x * float64(m.matrix[i*m.to+k])
		}
		m.words[k] = float32(offset)
	}
}

// agreement is the mean cosine of mapped pictures and the other model's.
func (m *linearMap) agreement(from, to [][]float32) float64 {
	var sum float64
	for i, v := range from {
		sum += cosine(m.carry(v, false), to[i])
	}
	return sum / float64(max(1, len(from)))
}

func mean(rows [][]float32) []float64 {
	out := make([]float64, len(rows[0]))
	for _, r := range rows {
		for k, x := range r {
			out[k] += float64(x) / float64(len(rows))
		}
	}
	return out
}

func centred(rows [][]float32, mean []float64) *mat.Dense {
	out := mat.NewDense(len(rows), len(mean), nil)
	for i, r := range rows {
		for k, x := range r {
			out.Set(i, k, float64(x)-mean[k])
		}
	}
	return out
}

// encode writes the map: dimensions, matrix, both offsets, little endian.
func (m *linearMap) encode() []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(m.from))
	out = binary.LittleEndian.AppendUint32(out, uint32(m.to))
	for _, list := range [][]float32{m.matrix, m.pictures, m.words} {
		for _, x := range list {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
	}
	return out
}

func decodeMap(data []byte) (*linearMap, error) {
	damaged := errors.New("the map between the two models' vectors is damaged")
	if len(data) < 8 {
		return nil, damaged
	}
	from, to := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
	data = data[8:]
	if from == 0 || to == 0 || uint64(len(data)) != 4*uint64(to)*(uint64(from)+2) {
		return nil, damaged
	}
	all := make([]float32, len(data)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	n := int(from) * int(to)
	return &linearMap{int(from), int(to), all[:n], all[n : n+int(to)], all[n+int(to):]}, nil
}
