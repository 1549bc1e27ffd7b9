package text

import (
	"errors"
	"fmt"
	"strings"
)

// Tokenizer turns strings into the token ids of one model folder and back. It is immutable and safe for concurrent
// use; LoadTokenizer makes one.
type Tokenizer struct {
	clean      Clean
	lower      bool
	norm       normalizer // nil: none
	pre        preTokenizer
	model      tokenModel
	added      *addedVocab
	templates  []template
	decode     decoder // nil: tokens are joined by spaces
	wordSuffix string  // written as a space in decoded text (CLIP)
	cleanup    bool    // decoded text is joined before punctuation
	special    map[string]string
	spm        *spmTokenizer // SiglipTokenizer's own way of encoding; nil for all others
	maxLength  int
	leftCut    bool
	class      string
}

// Encode returns the ids of s, with the special tokens the folder's post-processor adds if addSpecial is set. Nothing
// is cut off. Bytes that are not UTF-8 count as U+FFFD, as in Python's decode(errors="replace").
func (t *Tokenizer) Encode(s string, addSpecial bool) []int32 {
	ids := t.encode(s)
	if addSpecial {
		ids = t.around(ids)
	}
	return ids
}

func (t *Tokenizer) around(ids []int32) []int32 {
	if t.spm != nil {
		return t.spm.withEnd(ids)
	}
	for _, tm := range t.templates {
		ids = tm.around(ids)
	}
	return ids
}

// SpecialCount is how many special tokens Encode adds to a text.
func (t *Tokenizer) SpecialCount() int {
	if t.spm != nil {
		return 1
	}
	n := 0
	for _, tm := range t.templates {
		n += tm.added()
	}
	return n
}

func (t *Tokenizer) encode(s string) []int32 {
	s = t.clean.apply(validUTF8(s))
	if t.lower {
		s = pythonLower(s)
	}
	if t.spm != nil {
		return t.spm.encode(s)
	}
	pieces := t.added.split(piece{s, notToken, true}, &t.added.raw, nil)
	pieces = t.normalized(pieces)
	if t.pre != nil {
		pieces = preTokenize(t.pre, pieces)
	}
	ids := make([]int32, 0, len(s)/3+4)
	for _, p := range pieces {
		if p.id != notToken {
			ids = append(ids, p.id)
		} else {
			ids = t.model.tokenize(p.text, ids)
		}
	}
	return ids
}

// normalized rewrites the pieces and cuts them at the tokens that are matched after normalisation.
func (t *Tokenizer) normalized(in []piece) []piece {
	out := make([]piece, 0, len(in))
	for _, p := range in {
		if p.id != notToken {
			out = append(out, p)
			continue
		}
		if t.norm != nil {
			p.text = t.norm.normalize(p.text, &p.head)
		}
		out = t.added.split(p, &t.added.normed, out)
	}
	return out
}

// Cut says how a text that is too long is cut.
type Cut struct {
	Max     int  // ids in all, special tokens included; 0: no limit
	KeepEnd bool // the text gives way so that the special tokens stay (the last id is the end token); else ids are cut plainly
}

// EncodeCut encodes s with its special tokens and cuts it to at most cut.Max ids; truncated says whether it did.
func (t *Tokenizer) EncodeCut(s string, cut Cut) (ids []int32, truncated bool) {
	text := t.encode(s)
	all := t.around(text)
	if cut.Max <= 0 || len(text)+t.SpecialCount() <= cut.Max {
		return all, false
	}
	keep := cut.Max - t.SpecialCount()
	if !cut.KeepEnd || keep < 0 {
		return all[:min(cut.Max, len(all))], true
	}
	if t.leftCut {
		return t.around(text[len(text)-keep:]), true
	}
	return t.around(text[:keep]), true
}

// Decode turns ids back into text; ids that are not in the vocabulary are left out.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	if t.spm != nil {
		return t.spm.decode(ids, skipSpecial)
	}
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		tok, ok := t.added.decoded[id]
		if !ok {
			tok, ok = t.Token(id)
		}
		if ok && !(skipSpecial && t.added.special[tok]) {
			tokens = append(tokens, tok)
		}
	}
	s := ""
	if t.decode != nil {
		s = strings.Join(t.decode(tokens), "")
	} else {
		s = strings.Join(tokens, " ")
	}
	if t.wordSuffix != "" {
		s = strings.TrimFunc(strings.ReplaceAll(s, t.wordSuffix, " "), isPythonSpace)
	}
	if t.cleanup {
		s = cleanupText(s)
	}
	return s
}

// ID returns the id of a token.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.added.ids[token]; ok {
		return id, true
	}
	return t.model.id(token)
}

// Token returns the token of an id.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if a, ok := t.added.byID[id]; ok {
		return a.Content, true
	}
	return t.model.token(id)
}

// VocabSize is the number of tokens, added ones included.
func (t *Tokenizer) VocabSize() int {
	n := t.model.size()
	for tok := range t.added.ids {
		if _, ok := t.model.id(tok); !ok {
			n++
		}
	}
	return n
}

// Special returns the id of a named special token: bos, eos, unk, sep, pad, cls or mask.
func (t *Tokenizer) Special(name string) (int32, bool) {
	tok, ok := t.special[name]
	if !ok {
		return 0, false
	}
	return t.ID(tok)
}

// BOS, EOS and PAD return the ids of the folder's begin, end and padding tokens.
func (t *Tokenizer) BOS() (int32, bool) { return t.Special("bos") }

// EOS returns the id of the end token.
func (t *Tokenizer) EOS() (int32, bool) { return t.Special("eos") }

// PAD returns the id of the padding token.
func (t *Tokenizer) PAD() (int32, bool) { return t.Special("pad") }

// MaxLength is the model_max_length of the folder, 0 if it has none.
func (t *Tokenizer) MaxLength() int { return t.maxLength }

// SelfTest checks that the vocabulary is consistent in both directions, that the special tokens exist and that a short
// text can be encoded and decoded.
func (t *Tokenizer) SelfTest() error {
	for id := range int32(t.model.size()) {
		tok, ok := t.model.token(id)
		if !ok {
			continue // vocabularies may have holes
		}
		if back, ok := t.model.id(tok); !ok || back != id && !t.repeated(tok) {
			return fmt.Errorf("text: token %q has id %d but is found as %d", tok, id, back)
		}
	}
	for _, tm := range t.templates {
		for _, id := range tm {
			if _, ok := t.Token(id); id != textSlot && !ok {
				return fmt.Errorf("text: the post-processor adds id %d, which is not in the vocabulary", id)
			}
		}
	}
	ids := t.Encode("a photo of 2 cats", true)
	for _, id := range ids {
		if _, ok := t.Token(id); !ok {
			return fmt.Errorf("text: encoding gives id %d, which is not in the vocabulary", id)
		}
	}
	if len(ids) == t.SpecialCount() {
		return errors.New("text: the vocabulary covers no character of a plain English text")
	}
	if again := t.Encode("a photo of 2 cats", true); len(again) != len(ids) {
		return errors.New("text: encoding the same text twice gives different ids")
	}
	return nil
}

// repeated reports whether the model has a token more than once; the last one counts.
func (t *Tokenizer) repeated(tok string) bool {
	u, ok := t.model.(*unigram)
	if !ok {
		return false
	}
	n := 0
	for _, p := range u.pieces {
		if p.text == tok {
			n++
		}
	}
	return n > 1
}

// cleanupText is transformers' clean_up_tokenization.
func cleanupText(s string) string {
	for _, c := range cleanups {
		if c[0] != " do not" {
			s = strings.ReplaceAll(s, c[0], c[1])
		}
	}
	return s
}
