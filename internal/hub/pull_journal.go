package hub

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// A journal says which blocks of an incomplete file are in their place. It is
// text: a first line with the file's size and the block's, then a line per block
// with its number and its CRC-32C, in the order in which they came. It is only
// appended to, so that a kill costs at most its last line; where a block occurs
// twice the last one counts. The sums tell blocks that a power cut took from those
// that are there, and are no proof of anything else.

const journalHead = "emblem incomplete 1"

func journalStart(size, block int64) string {
	return fmt.Sprintf("%s %d %d\n", journalHead, size, block)
}

func journalLine(i int, sum uint32) string { return fmt.Sprintf("%d %08x\n", i, sum) }

// maxBlock bounds a block, which is held in memory.
const maxBlock = 64 << 20

// parseJournal returns the size of a block and the sums of those that are there.
// A journal of another file's size or of no known form is not ok; lines that are
// torn or make no sense are skipped.
func parseJournal(text []byte, size int64) (block int64, sums map[int]uint32, ok bool) {
	head, rest, complete := bytes.Cut(text, []byte("\n"))
	f := strings.Fields(strings.TrimPrefix(string(head), journalHead+" "))
	if !complete || !bytes.HasPrefix(head, []byte(journalHead+" ")) || len(f) != 2 || f[0] != strconv.FormatInt(size, 10) {
		return 0, nil, false
	}
	block, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil || block < 1 || block > maxBlock {
		return 0, nil, false
	}
	sums = map[int]uint32{}
	for line := range bytes.Lines(rest) {
		i, sum, ok := parseLine(string(line))
		if ok && int64(i) < blocks(size, block) {
			sums[i] = sum
		}
	}
	return block, sums, true
}

func parseLine(line string) (i int, sum uint32, ok bool) {
	number, hex, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if !ok || len(hex) != 8 {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, 0, false
	}
	s, err := strconv.ParseUint(hex, 16, 32)
	return int(n), uint32(s), err == nil
}

// blocks is how many of them a file has.
func blocks(size, block int64) int64 { return (size + block - 1) / block }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
