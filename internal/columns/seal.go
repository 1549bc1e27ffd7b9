package columns

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	magic   = "emblemcl"
	version = 1
	cut     = 64 << 10 // bytes under one sum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal returns what stands before and behind data in a file: a head with the
// format and the length, and the CRC-32C of the head and of every 64 KiB, and of
// those sums.
func Seal(data []byte) (head, tail []byte) {
	head = binary.LittleEndian.AppendUint32([]byte(magic), version)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(data)))
	tail = binary.LittleEndian.AppendUint32(nil, crc32.Checksum(head, castagnoli))
	for len(data) > 0 {
		n := min(cut, len(data))
		tail = binary.LittleEndian.AppendUint32(tail, crc32.Checksum(data[:n], castagnoli))
		data = data[n:]
	}
	return head, binary.LittleEndian.AppendUint32(tail, crc32.Checksum(tail, castagnoli))
}

const headSize = len(magic) + 4 + 8

// Unseal checks a whole file and returns the data in it, or ErrDamaged. It must
// have been written by this version.
func Unseal(file []byte) ([]byte, error) {
	if len(file) < headSize {
		return nil, ErrDamaged
	}
	length := binary.LittleEndian.Uint64(file[headSize-8:])
	if length > uint64(len(file)-headSize) {
		return nil, ErrDamaged
	}
	data := file[headSize : headSize+int(length) : headSize+int(length)]
	head, tail := Seal(data)
	if string(head) != string(file[:headSize]) || string(tail) != string(file[headSize+len(data):]) {
		return nil, ErrDamaged
	}
	return data, nil
}
