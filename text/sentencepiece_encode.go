package text

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// spmTokenizer is transformers' SiglipTokenizer, which runs SentencePiece itself: it lower-cases, strips punctuation,
// encodes "<unk>" + text and drops what "<unk>" became, so that a space at the start of the text survives.
type spmTokenizer struct {
	m        *spmModel
	chars    *charsMap // nil: none
	uni      *unigram  // for prefix search; ids are the model's
	kinds    []int
	unkCost  float32
	best     float32 // the highest score, for user-defined pieces
	unkLen   int     // tokens of the unknown token's own text
	added    *addedVocab
	eos      int32
	lower    bool
	specials map[string]bool
}

// loadSiglip builds a SiglipTokenizer if the folder asks for one and has its SentencePiece model.
func (b *folderBuild) loadSiglip() (*Tokenizer, error) {
	if b.class != "SiglipTokenizer" {
		return nil, nil
	}
	data, err := b.read("spiece.model")
	if err != nil || data == nil {
		return nil, err
	}
	m, err := parseSentencePiece(data)
	if err == nil && m.bpe {
		err = errors.New("SiglipTokenizer with a BPE model is not supported; its models are Unigram")
	}
	if err != nil {
		return nil, fmt.Errorf("spiece.model: %w", err)
	}
	if !b.config.flag("legacy", true) {
		m.dummyPrefix = false
	}
	b.file = &tokenizerFile{}
	if err := b.readSpecial(); err != nil {
		return nil, err
	}
	for name, tok := range map[string]string{"eos": "</s>", "unk": "<unk>", "pad": "</s>"} {
		if _, ok := b.special[name]; !ok {
			b.special[name] = addedToken{Content: tok, LStrip: true, RStrip: true, Special: true}
		}
	}
	return b.siglip(m)
}

func (b *folderBuild) siglip(m *spmModel) (*Tokenizer, error) {
	s := &spmTokenizer{m: m, lower: b.config.flag("do_lower_case", true), specials: map[string]bool{}}
	if len(m.charsmap) > 0 {
		var err error
		if s.chars, err = newCharsMap(m.charsmap); err != nil {
			return nil, fmt.Errorf("spiece.model: %w", err)
		}
	}
	if err := s.index(); err != nil {
		return nil, fmt.Errorf("spiece.model: %w", err)
	}
	t := &Tokenizer{clean: b.opt.Clean, lower: b.opt.Lower, added: newAddedVocab(), special: map[string]string{}, model: s.uni, spm: s, class: b.class, maxLength: 64}
	b.addTokens(t, false)
	s.added = t.added
	for name, tok := range b.special {
		t.special[name] = tok.Content
		s.specials[tok.Content] = true
	}
	if n := b.config.number("model_max_length"); n != nil {
		t.maxLength = *n
	}
	var ok bool
	if s.eos, ok = t.EOS(); !ok {
		return nil, errors.New("SiglipTokenizer needs an eos token and the folder names none")
	}
	s.unkLen = len(s.pieces(t.special["unk"]))
	return t, nil
}

// index sets up the prefix search over the pieces that can occur in text.
func (s *spmTokenizer) index() error {
	spec := &modelSpec{kind: "Unigram", unkID: s.m.unkID}
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, p := range s.m.pieces {
		spec.pieces = append(spec.pieces, unigramPiece{p.text, float64(p.score)})
		s.kinds = append(s.kinds, p.kind)
		if p.kind == spmNormal {
			low, high = min(low, p.score), max(high, p.score)
		}
	}
	u, err := newUnigram(spec)
	if err != nil {
		return err
	}
	u.sorted = slices.DeleteFunc(u.sorted, func(id int32) bool {
		return s.kinds[id] != spmNormal && s.kinds[id] != spmUserDefined
	})
	u.index()
	s.uni, s.unkCost, s.best = u, low-unkPenalty, high
	return nil
}

func (s *spmTokenizer) encode(text string) []int32 {
	text = visibleSpace + strings.ReplaceAll(text, visibleSpace, " ")
	parts := s.added.split(piece{text, notToken, true}, &s.added.raw, nil)
	var ids []int32
	for i, p := range parts {
		if p.id != notToken {
			if i == 1 && len(ids) == 1 && parts[0].id == notToken && s.isMark(ids[0]) {
				ids = ids[:0] // a mark alone before a special token goes
			}
			ids = append(ids, p.id)
			continue
		}
		ids = append(ids, s.part(p.text)...)
	}
	return ids
}

func (s *spmTokenizer) isMark(id int32) bool {
	tok, _ := s.uni.token(id)
	return tok == visibleSpace
}

// part encodes a stretch without special tokens.
func (s *spmTokenizer) part(text string) []int32 {
	all := s.pieces(s.m.unk + siglipClean(text, s.lower))
	if len(all) >= s.unkLen {
		return all[s.unkLen:]
	}
	return all
}

// pieces is SentencePiece's encoding: the best path with scores added in single precision.
func (s *spmTokenizer) pieces(text string) []int32 {
	text = s.m.normalize(text, s.chars)
	type node struct {
		score float32
		start int
		id    int32
	}
	best := make([]node, len(text)+1)
	for i := range best {
		best[i].start = -1
	}
	offer := func(start, end int, id int32, score float64) {
		if n := &best[end]; n.start < 0 || score > float64(n.score) {
			*n = node{float32(score), start, id}
		}
	}
	for at := 0; at < len(text); {
		_, size := decode(text, at)
		here, single := best[at].score, false
		s.uni.prefixes(text[at:], func(id int32, n int) {
			score := float64(s.m.pieces[id].score + here)
			if s.kinds[id] == spmUserDefined {
				score = float64(float32(n)*s.best) - 0.1 + float64(here)
			}
			offer(at, at+n, id, score)
			single = single || n == size
		})
		if !single {
			offer(at, at+size, s.uni.unk, float64(s.unkCost+here))
		}
		at += size
	}
	var out []int32
	for end := len(text); end > 0; end = best[end].start {
		id := best[end].id
		if id != s.uni.unk || len(out) == 0 || out[len(out)-1] != id { // a run of unknowns is one token
			out = append(out, id)
		}
	}
	slices.Reverse(out)
	return out
}

// withEnd appends the end token unless it is there.
func (s *spmTokenizer) withEnd(ids []int32) []int32 {
	if len(ids) > 0 && ids[len(ids)-1] == s.eos {
		return ids
	}
	return append(slices.Clone(ids), s.eos)
}

func (s *spmTokenizer) decode(ids []int32, skipSpecial bool) string {
	var b, run strings.Builder // run: pieces since the last special token
	afterSpecial := false
	flush := func() {
		b.WriteString(strings.TrimPrefix(run.String(), " "))
		run.Reset()
	}
	for _, id := range ids {
		tok, ok := s.uni.token(id)
		if a, isAdded := s.added.byID[id]; isAdded {
			tok, ok = a.Content, true
		}
		switch {
		case !ok || skipSpecial && s.specials[tok]:
		case s.specials[tok]:
			if !afterSpecial {
				b.WriteByte(' ')
			}
			flush()
			b.WriteString(tok)
			afterSpecial = true
		default:
			run.WriteString(strings.ReplaceAll(tok, visibleSpace, " "))
			afterSpecial = false
		}
	}
	flush()
	return strings.TrimFunc(b.String(), isPythonSpace)
}
