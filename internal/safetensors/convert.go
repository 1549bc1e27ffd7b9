package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// ToF32 converts all elements of a float tensor (F16, BF16, F32, F64) to
// float32. dst must have v.Len() elements. Every F16, BF16 and F32 value keeps
// its value, subnormals, infinities and NaN included; F64 is rounded to nearest.
func ToF32(dst []float32, v View) error {
	if err := checkFloat(v); err != nil {
		return err
	}
	if n := v.Len(); n != len(dst) {
		return fmt.Errorf("safetensors: tensor %s has %d elements, the destination %d", quoted(v.Name), n, len(dst))
	}
	switch v.DType {
	case F16:
		readF16(dst, v.Data)
	case BF16:
		readBF16(dst, v.Data)
	case F32:
		copyF32(dst, v.Data)
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(v.Data[8*i:])))
		}
	}
	return nil
}

// readF16 reads four elements by one load.
func readF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		u := binary.LittleEndian.Uint64(src)
		dst[0] = fromF16(uint32(u))
		dst[1] = fromF16(uint32(u >> 16))
		dst[2] = fromF16(uint32(u >> 32))
		dst[3] = fromF16(uint32(u >> 48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = fromF16(uint32(binary.LittleEndian.Uint16(src[2*i:])))
	}
}

// readBF16 reads four elements by one load.
func readBF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		u := binary.LittleEndian.Uint64(src)
		dst[0] = math.Float32frombits(uint32(u) << 16)
		dst[1] = math.Float32frombits(uint32(u) &^ 0xffff)
		dst[2] = math.Float32frombits(uint32(u>>32) << 16)
		dst[3] = math.Float32frombits(uint32(u>>32) &^ 0xffff)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// fromF16 converts the low half of h: it moves exponent and mantissa into place
// and corrects the exponent's bias. It is small enough to be inlined.
func fromF16(h uint32) float32 {
	const bias = (127 - 15) << 23
	b := h&0x8000<<16 | h&0x7fff<<13
	if (h+0x400)&0x7c00 <= 0x400 { // an exponent of all ones or all zeros
		return edgeF16(b)
	}
	return math.Float32frombits(b + bias)
}

// edgeF16 converts what has a special exponent: zero, subnormals, infinity and
// NaN. A multiplication normalises subnormals.
func edgeF16(b uint32) float32 {
	if b&(0x7c00<<13) != 0 {
		return math.Float32frombits(b | 0x7f800000)
	}
	return math.Float32frombits(b) * 0x1p112
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// copyF32 is one memory copy where the machine's byte order is the file's; a
// copy, unlike a load through a float pointer, may start at any address.
func copyF32(dst []float32, src []byte) {
	if littleEndian {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst)), src)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// CheckFinite returns an error that names the first NaN or infinity of a float
// tensor. Tensors of whole numbers have none. Formats of 8 bits and fewer and
// complex numbers are refused.
func CheckFinite(v View) error {
	if v.DType.whole() {
		return nil
	}
	if err := checkFloat(v); err != nil {
		return err
	}
	i := firstNonFinite(v)
	if i < 0 {
		return nil
	}
	one := v
	size := v.DType.Bits() / 8
	one.Shape, one.Data = nil, v.Data[i*size:(i+1)*size]
	var x [1]float32
	if err := ToF32(x[:], one); err != nil {
		return err
	}
	return fmt.Errorf("safetensors: tensor %s: element %d of %d is %v; the file is damaged or its training diverged", quoted(v.Name), i, v.Len(), x[0])
}

// firstNonFinite looks for an exponent of all ones.
func firstNonFinite(v View) int {
	switch v.DType {
	case F16:
		return firstMasked16(v.Data, 0x7c00)
	case BF16:
		return firstMasked16(v.Data, 0x7f80)
	case F32:
		for i := 0; i+4 <= len(v.Data); i += 4 {
			if binary.LittleEndian.Uint32(v.Data[i:])&0x7f800000 == 0x7f800000 {
				return i / 4
			}
		}
	case F64:
		for i := 0; i+8 <= len(v.Data); i += 8 {
			if binary.LittleEndian.Uint64(v.Data[i:])&(0x7ff<<52) == 0x7ff<<52 {
				return i / 8
			}
		}
	}
	return -1
}

func firstMasked16(data []byte, mask uint16) int {
	for i := 0; i+2 <= len(data); i += 2 {
		if binary.LittleEndian.Uint16(data[i:])&mask == mask {
			return i / 2
		}
	}
	return -1
}

// whole reports whether d holds whole numbers or truth values.
func (d DType) whole() bool {
	switch d {
	case BOOL, I8, I16, I32, I64, U8, "U16", "U32", "U64":
		return true
	}
	return false
}

// checkFloat makes sure that v can be converted, also when it was put together
// by hand.
func checkFloat(v View) error {
	switch v.DType {
	case F16, BF16, F32, F64:
	default:
		return fmt.Errorf("safetensors: tensor %s is %s; only F16, BF16, F32 and F64 are read as floats", quoted(v.Name), v.DType)
	}
	return checkView(v)
}

// checkView compares a view's bytes with its shape.
func checkView(v View) error {
	size, err := byteSize(v.DType, v.Shape)
	if err != nil {
		return fmt.Errorf("safetensors: tensor %s: %w", quoted(v.Name), err)
	}
	if size != int64(len(v.Data)) {
		return fmt.Errorf("safetensors: tensor %s: %s %v takes %d bytes, it has %d", quoted(v.Name), v.DType, v.Shape, size, len(v.Data))
	}
	return nil
}
