package certificate

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/text"
)

// probes are texts that a folder's tokenizer is tried on.
var probes = []string{"a photo of a cat", "Two dogs and 3 birds", "北京的猫, кошка на крыше", "a \U0001F9FF and a \U00020000"}

// vocabulary is a well-known one: the ids of its special tokens, and those of a text
// between them.
type vocabulary struct {
	special map[string]int32
	text    string
	ids     []int32
}

// vocabularies by their size.
var vocabularies = map[int]vocabulary{
	49408:  {map[string]int32{"<|startoftext|>": 49406, "<|endoftext|>": 49407}, "a photo of a cat", []int32{320, 1125, 539, 320, 2368}}, // CLIP
	250002: {map[string]int32{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}, "Hello world", []int32{35378, 8999}},                         // XLM-RoBERTa
	30522:  {map[string]int32{"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102}, "hello world", []int32{7592, 2088}},                 // BERT, lower case
	256000: {map[string]int32{"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3}, "", nil},                                                  // Gemma: SigLIP 2
	32000:  {map[string]int32{"</s>": 1, "<unk>": 2}, "", nil},                                                                           // SigLIP
}

// tokens tries a folder's tokenizer, and its text tower e if there is one. Ids that
// the tower has no embedding of are an error.
func tokens(t *fusion.Tokenizer, e *text.Encoder) ([]Finding, error) {
	f := Finding{Check: "tokenizer", OK: true}
	n := 0
	for _, s := range probes {
		ids, _, err := t.EncodeText(s, fusion.CutEnd)
		if err != nil {
			return nil, err
		}
		n += len(ids)
		if err := fits(t, e, ids); err != nil {
			return nil, err
		}
	}
	var wrong []string
	for _, check := range []func(*fusion.Tokenizer, *text.Encoder) string{ends, returns, unknown, known} {
		if s := check(t, e); s != "" {
			wrong = append(wrong, s)
		}
	}
	f.OK, f.Detail = len(wrong) == 0, fmt.Sprintf("%d tokens of %d texts: special tokens, round trip, unknown characters%s", n, len(probes), isKnown(t))
	if !f.OK {
		f.Detail = strings.Join(wrong, "; ")
	}
	return []Finding{f}, nil
}

// fits is the error of ids, or special tokens, without an embedding.
func fits(t *fusion.Tokenizer, e *text.Encoder, ids []int32) error {
	if e == nil {
		return nil
	}
	for _, id := range ids {
		if id < 0 || int(id) >= e.Vocabulary() {
			return fmt.Errorf("%s: the tokenizer makes token %d, and the model has embeddings of %d: the two do not belong together", t.Name(), id, e.Vocabulary())
		}
	}
	return nil
}

// ends tells whether the model finds the place in a text that stands for it.
func ends(t *fusion.Tokenizer, e *text.Encoder) string {
	if e == nil {
		return ""
	}
	for _, s := range probes {
		ids, _, _ := t.EncodeText(s, fusion.CutEnd)
		if len(ids) == 0 {
			return fmt.Sprintf("%q has no tokens at all", s)
		}
		if err := e.CheckTokens(ids); err != nil {
			return err.Error()
		}
	}
	return ""
}

// returns tells whether a text comes back from its tokens, but for case, space and
// what the vocabulary does not know.
func returns(t *fusion.Tokenizer, _ *text.Encoder) string {
	unk, hasUnk := t.Special("unk")
	for _, s := range probes[:2] {
		ids := t.Encode(s, true)
		if hasUnk && slices.Contains(ids[:max(len(ids)-1, 0)], unk) { // CLIP's unknown is its end, too
			continue
		}
		if back := t.Decode(ids, true); plain(back) != plain(s) {
			return fmt.Sprintf("%q comes back from its tokens as %q", s, back)
		}
	}
	return ""
}

// plain keeps letters and digits, in lower case.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// unknown tells whether what the vocabulary does not know leaves a trace.
func unknown(t *fusion.Tokenizer, _ *text.Encoder) string {
	if len(t.Encode("\U00020000", true)) <= t.SpecialCount() {
		return "a character that the vocabulary does not know vanishes without a token"
	}
	return ""
}

// known compares a well-known vocabulary with what it is known to be.
func known(t *fusion.Tokenizer, _ *text.Encoder) string {
	v := vocabularies[t.VocabSize()]
	for token, want := range v.special {
		if id, ok := t.ID(token); !ok || id != want {
			return fmt.Sprintf("the special token %s has the id %d, and %d in the vocabulary of that size that is well known", token, id, want)
		}
	}
	if ids := t.Encode(v.text, false); v.text != "" && !slices.Equal(ids, v.ids) {
		return fmt.Sprintf("%q has the ids %v, and %v in the vocabulary of that size that is well known", v.text, ids, v.ids)
	}
	return ""
}

// isKnown says so of a well-known vocabulary.
func isKnown(t *fusion.Tokenizer) string {
	if _, ok := vocabularies[t.VocabSize()]; ok {
		return ", well-known ids"
	}
	return ""
}
