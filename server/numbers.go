package server

import (
	"encoding/base64"
	"encoding/binary"
	"math"
)

// floatsBase64 is a vector as OpenAI's clients ask for it: the float32s, little
// endian, in base64.
func floatsBase64(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// bits packs the signs of a vector, eight to a byte, the first in the highest
// bit; a byte is unsigned.
func bits(v []float32) []int {
	out := make([]int, (len(v)+7)/8)
	for i, x := range v {
		if x > 0 {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out
}

// signedBits is bits with each byte less 128, as Cohere and Jina have "binary".
func signedBits(v []float32) []int {
	out := bits(v)
	for i := range out {
		out[i] -= 128
	}
	return out
}

// int8s are a vector's numbers between -1 and 1 in 127 steps either side of zero.
func int8s(v []float32) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(math.Round(float64(min(1, max(-1, x))) * 127))
	}
	return out
}

// uint8s is int8s with 128 added.
func uint8s(v []float32) []int {
	out := int8s(v)
	for i := range out {
		out[i] += 128
	}
	return out
}

// encodings are the forms that a vector may be asked for in.
var encodings = map[string]func([]float32) any{
	"float":   func(v []float32) any { return v },
	"base64":  func(v []float32) any { return floatsBase64(v) },
	"binary":  func(v []float32) any { return signedBits(v) },
	"ubinary": func(v []float32) any { return bits(v) },
	"int8":    func(v []float32) any { return int8s(v) },
	"uint8":   func(v []float32) any { return uint8s(v) },
}

// encodingOf finds a form by its name; none is float.
func encodingOf(param, name string) (func([]float32) any, error) {
	if name == "" {
		name = "float"
	}
	f := encodings[name]
	if f == nil {
		return nil, badRequest(param, "%s %q is not one of float, base64, int8, uint8, binary, ubinary", param, name)
	}
	return f, nil
}
