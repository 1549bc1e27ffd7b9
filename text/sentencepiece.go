package text

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"unicode/utf8"
)

// spmModel is a SentencePiece model file (sentencepiece_model.proto).
type spmModel struct {
	pieces       []spmPiece
	bpe          bool
	unkID        int
	unk          string
	bos, eos     string
	noBOS, noEOS bool // the model has no such piece
	byteFallback bool
	charsmap     []byte
	dummyPrefix  bool
	trimSpaces   bool // remove_extra_whitespaces
	escapeSpaces bool
}

type spmPiece struct {
	text  string
	score float32
	kind  int
}

const (
	spmNormal      = 1
	spmUnknown     = 2
	spmControl     = 3
	spmUserDefined = 4
	spmUnused      = 5
	spmByte        = 6
)

// field is one field of a protocol buffer message: a number or bytes.
type field struct {
	num   int
	value uint64
	bytes []byte
}

var errProto = errors.New("not a SentencePiece model: the protocol buffer is broken")

// readMessage calls f with every field of a message.
func readMessage(b []byte, f func(field) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return errProto
		}
		b = b[n:]
		fl := field{num: int(key >> 3)}
		size := 0
		switch key & 7 {
		case 0:
			fl.value, size = binary.Uvarint(b)
			if size <= 0 {
				return errProto
			}
		case 1:
			size = 8
		case 5:
			if size = 4; len(b) >= 4 {
				fl.value = uint64(binary.LittleEndian.Uint32(b))
			}
		case 2:
			length, k := binary.Uvarint(b)
			if k <= 0 || length > uint64(len(b)-k) {
				return errProto
			}
			fl.bytes, size = b[k:k+int(length)], k+int(length)
		default:
			return errProto
		}
		if size > len(b) {
			return errProto
		}
		if err := f(fl); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

func parseSentencePiece(b []byte) (*spmModel, error) {
	m := &spmModel{unk: "<unk>", bos: "<s>", eos: "</s>", dummyPrefix: true, trimSpaces: true, escapeSpaces: true}
	err := readMessage(b, func(f field) error {
		switch f.num {
		case 1:
			return m.addPiece(f.bytes)
		case 2:
			return readMessage(f.bytes, m.trainerField)
		case 3:
			return readMessage(f.bytes, m.normalizerField)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(m.pieces) == 0 || m.unkID < 0 || m.unkID >= len(m.pieces) {
		return nil, errors.New("not a SentencePiece model: no pieces, or no unknown piece")
	}
	return m, nil
}

func (m *spmModel) addPiece(b []byte) error {
	p := spmPiece{kind: spmNormal}
	err := readMessage(b, func(f field) error {
		switch f.num {
		case 1:
			p.text = validUTF8(string(f.bytes))
		case 2:
			p.score = math.Float32frombits(uint32(f.value))
		case 3:
			p.kind = int(min(f.value, 100))
		}
		return nil
	})
	if len(m.pieces) >= maxVocab {
		return fmt.Errorf("more than %d pieces", maxVocab)
	}
	if p.score != p.score {
		return errors.New("a piece's score is not a number")
	}
	m.pieces = append(m.pieces, p)
	return err
}

func (m *spmModel) trainerField(f field) error {
	switch f.num {
	case 3:
		if f.value != 1 && f.value != 2 {
			return fmt.Errorf("model type %d is not supported; supported are 1 (Unigram) and 2 (BPE)", f.value)
		}
		m.bpe = f.value == 2
	case 35:
		m.byteFallback = f.value != 0
	case 40:
		m.unkID = int(int32(f.value))
	case 41:
		m.noBOS = int32(f.value) < 0
	case 42:
		m.noEOS = int32(f.value) < 0
	case 45:
		m.unk = validUTF8(string(f.bytes))
	case 46:
		m.bos = validUTF8(string(f.bytes))
	case 47:
		m.eos = validUTF8(string(f.bytes))
	}
	return nil
}

func (m *spmModel) normalizerField(f field) error {
	switch f.num {
	case 2:
		m.charsmap = append([]byte(nil), f.bytes...)
	case 3:
		m.dummyPrefix = f.value != 0
	case 4:
		m.trimSpaces = f.value != 0
	case 5:
		m.escapeSpaces = f.value != 0
	}
	return nil
}

// fromSentencePiece fills the spec as transformers extracts it for the folder's class.
func (b *folderBuild) fromSentencePiece(data []byte) error {
	m, err := parseSentencePiece(data)
	if err != nil {
		return err
	}
	if len(m.charsmap) > 0 {
		b.charsmap = charsmapComponent(m.charsmap)
	}
	for _, p := range m.pieces {
		if p.kind == spmControl || p.kind == spmUserDefined {
			b.spmTokens = append(b.spmTokens, addedToken{Content: p.text, Special: p.kind == spmControl})
		}
	}
	switch b.class {
	case "", "TokenizersBackend":
		return b.fromPlainSentencePiece(m)
	case "T5Tokenizer", "XLMRobertaTokenizer":
		b.spec = &modelSpec{kind: "Unigram", unkID: m.unkID, pieces: b.classPieces(m)}
		return nil
	case "LlamaTokenizer", "GemmaTokenizer", "Siglip2Tokenizer":
		b.spec = m.bpeSpec()
		return nil
	}
	return fmt.Errorf("tokenizer class %q is not supported with a SentencePiece model; save the folder with tokenizer.json", b.class)
}

func charsmapComponent(m []byte) *component {
	return literal(fmt.Sprintf(`{"type":"Precompiled","precompiled_charsmap":%q}`, base64.StdEncoding.EncodeToString(m)))
}

// classPieces is the vocabulary with the ids that T5 and XLM-R give it.
func (b *folderBuild) classPieces(m *spmModel) []unigramPiece {
	var list []unigramPiece
	for _, p := range m.pieces {
		list = append(list, unigramPiece{p.text, float64(p.score)})
	}
	if b.class == "T5Tokenizer" {
		n := 100
		set(&n, b.config.number("extra_ids"))
		for i := min(n, 10_000) - 1; i >= 0; i-- {
			list = append(list, unigramPiece{text: fmt.Sprintf("<extra_id_%d>", i)})
			b.spmTokens = append(b.spmTokens, addedToken{Content: fmt.Sprintf("<extra_id_%d>", i), Special: true})
		}
		return list
	}
	head := []unigramPiece{{text: "<s>"}, {text: "<pad>"}, {text: "</s>"}, {text: "<unk>"}}
	for i, name := range []string{"bos_token", "pad_token", "eos_token", "unk_token"} {
		if s := b.config.text(name); s != "" {
			head[i].text = s
		}
	}
	mask := "<mask>"
	if s := b.config.text("mask_token"); s != "" {
		mask = s
	}
	return append(append(head, list[min(3, len(list)):]...), unigramPiece{text: mask})
}

// fromPlainSentencePiece is what transformers builds for a folder whose class is not known.
func (b *folderBuild) fromPlainSentencePiece(m *spmModel) error {
	b.class = "TokenizersBackend"
	b.defaults = map[string]string{"unk": m.unk}
	if !m.noBOS {
		b.defaults["bos"] = m.bos
	}
	if !m.noEOS {
		b.defaults["eos"] = m.eos
	}
	if m.bpe {
		b.spec = m.bpeSpec()
		b.spec.unk, b.spec.fuseUnk, b.spec.byteFallback = m.unk, true, m.byteFallback
	} else {
		b.spec = &modelSpec{kind: "Unigram", unkID: m.unkID, byteFallback: m.byteFallback}
		for _, p := range m.pieces {
			b.spec.pieces = append(b.spec.pieces, unigramPiece{p.text, float64(p.score)})
		}
	}
	spaces := literal(`{"type":"Replace","pattern":{"String":" "},"content":"▁"}`)
	b.file.Normalizer = spaces
	if b.charsmap != nil {
		b.file.Normalizer = literal(fmt.Sprintf(`{"type":"Sequence","normalizers":[%s,%s]}`, b.charsmap.raw, spaces.raw))
	}
	b.file.Decoder = literal(`{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "}]}`)
	if m.byteFallback {
		b.file.Decoder = literal(`{"type":"Sequence","decoders":[` + spaceDecoders + `]}`)
	}
	return nil
}

// bpeSpec is the model with merges recovered from the pieces: every split of a piece into two pieces, by the piece's
// id and then by the lengths and ids of the parts.
func (m *spmModel) bpeSpec() *modelSpec {
	s := &modelSpec{kind: "BPE", unkID: -1, vocab: make(map[string]int32, len(m.pieces))}
	for i, p := range m.pieces {
		s.vocab[p.text] = int32(i)
	}
	type merge struct {
		left, right string
		id, l, r    int32
	}
	var all []merge
	for piece, id := range s.vocab {
		for i := range piece {
			l, okL := s.vocab[piece[:i]]
			r, okR := s.vocab[piece[i:]]
			if i > 0 && okL && okR {
				all = append(all, merge{piece[:i], piece[i:], id, l, r})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		if a.id != b.id {
			return a.id < b.id
		}
		if x, y := utf8.RuneCountInString(a.left), utf8.RuneCountInString(b.left); x != y {
			return x < y
		}
		return a.l < b.l || a.l == b.l && a.r < b.r
	})
	for _, p := range all {
		s.merges = append(s.merges, [2]string{p.left, p.right})
	}
	return s
}

func (f jsonFields) number(key string) *int {
	var n float64
	if raw, ok := f[key]; !ok || json.Unmarshal(raw, &n) != nil || n < 0 || n > 1e6 {
		return nil
	}
	i := int(n)
	return &i
}

// visibleSpace is SentencePiece's mark for a space.
const visibleSpace = "▁"

// normalize is SentencePiece's own normaliser.
func (m *spmModel) normalize(s string, chars *charsMap) string {
	var b strings.Builder
	write := func(part string) {
		if m.escapeSpaces {
			part = strings.ReplaceAll(part, " ", visibleSpace)
		}
		b.WriteString(part)
	}
	afterSpace := m.trimSpaces // spaces at the start go
	started := false
	for len(s) > 0 {
		n, part := m.normalizePrefix(s, chars)
		s = s[n:]
		if afterSpace {
			part = strings.TrimLeft(part, " ")
		}
		if part == "" {
			continue
		}
		if !started && m.dummyPrefix {
			write(" ")
		}
		started = true
		write(part)
		afterSpace = m.trimSpaces && strings.HasSuffix(part, " ")
	}
	out := b.String()
	for m.trimSpaces && (strings.HasSuffix(out, visibleSpace) && m.escapeSpaces || strings.HasSuffix(out, " ")) {
		out = strings.TrimSuffix(strings.TrimSuffix(out, visibleSpace), " ")
	}
	return out
}

func (m *spmModel) normalizePrefix(s string, chars *charsMap) (int, string) {
	if chars != nil {
		if n, repl := chars.longest(s); n > 0 {
			return n, repl
		}
	}
	_, n := decode(s, 0)
	return n, s[:n]
}
