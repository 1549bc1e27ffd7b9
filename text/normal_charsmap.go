package text

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/rivo/uniseg"
)

// charsMap is SentencePiece's precompiled normalisation: a double-array trie (Darts) from byte strings to offsets of
// NUL-terminated replacements.
type charsMap struct {
	units []uint32
	pool  string
}

const maxCharsMap = 16 << 20

// newCharsMap reads a 32-bit little-endian trie size, the trie and the replacements.
func newCharsMap(b []byte) (*charsMap, error) {
	if len(b) > maxCharsMap {
		return nil, errors.New("precompiled_charsmap is over 16 MiB")
	}
	if len(b) < 4 {
		return nil, errors.New("precompiled_charsmap is cut off")
	}
	n := binary.LittleEndian.Uint32(b)
	if b = b[4:]; n%4 != 0 || uint64(n) > uint64(len(b)) {
		return nil, errors.New("precompiled_charsmap: the trie is larger than the data")
	}
	m := &charsMap{units: make([]uint32, n/4), pool: string(b[n:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return m, nil
}

// lookup calls found with every key that is a prefix of s, shortest first, until it returns false.
func (m *charsMap) lookup(s string, found func(length int, repl string) bool) {
	unit := func(i uint32) (uint32, bool) {
		if uint64(i) >= uint64(len(m.units)) {
			return 0, false
		}
		return m.units[i], true
	}
	u, ok := unit(0)
	if !ok {
		return
	}
	pos := trieOffset(u)
	for i := 0; i < len(s) && s[i] != 0; i++ {
		pos ^= uint32(s[i])
		if u, ok = unit(pos); !ok || u&(1<<31|0xFF) != uint32(s[i]) {
			return
		}
		pos ^= trieOffset(u)
		if u>>8&1 == 1 {
			leaf, ok := unit(pos)
			if !ok || !found(i+1, m.at(leaf&^(1<<31))) {
				return
			}
		}
	}
}

func trieOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }

func (m *charsMap) at(offset uint32) string {
	if uint64(offset) >= uint64(len(m.pool)) {
		return ""
	}
	s := m.pool[offset:]
	if end := strings.IndexByte(s, 0); end >= 0 {
		s = s[:end]
	}
	return s
}

// first is the replacement of the shortest key that s starts with: what the tokenizers library takes, even where the
// key covers only a part of s.
func (m *charsMap) first(s string) (repl string, ok bool) {
	m.lookup(s, func(_ int, r string) bool { repl, ok = r, true; return false })
	return repl, ok
}

// longest is SentencePiece's own rule: the longest key that s starts with.
func (m *charsMap) longest(s string) (length int, repl string) {
	m.lookup(s, func(n int, r string) bool { length, repl = n, r; return true })
	return length, repl
}

// normalize is the tokenizers library's Precompiled: short grapheme clusters are looked up whole, then character by
// character.
func (m *charsMap) normalize(s string, head *bool) string {
	var b strings.Builder
	b.Grow(len(s))
	rest, state := s, -1
	for len(rest) > 0 {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		start := b.Len()
		m.cluster(&b, cluster)
		if start == 0 && b.Len() == 0 {
			*head = false
		}
	}
	return b.String()
}

func (m *charsMap) cluster(b *strings.Builder, cluster string) {
	if len(cluster) < 6 {
		if r, ok := m.first(cluster); ok {
			b.WriteString(r)
			return
		}
	}
	for i := 0; i < len(cluster); {
		_, n := decode(cluster, i)
		if r, ok := m.first(cluster[i : i+n]); ok {
			b.WriteString(r)
		} else {
			b.WriteString(cluster[i : i+n])
		}
		i += n
	}
}
