package text

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestStream decodes ids one by one, after some of them, with the tokenizers of
// language models: the parts are whole characters and make what Decode makes of all.
func TestStream(t *testing.T) {
	corpus := goldenCorpus(t)
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for name, k := range goldenKinds(t) {
		tok, err := LoadTokenizerFS(k.folder(t), TokenizerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := tok.model.(*bpe); !ok || tok.wordSuffix != "" {
			continue // no language model has it
		}
		n++
		for _, s := range corpus {
			ids := tok.Encode(s, true)
			if len(ids) < 2 || len(ids) > 2000 {
				continue
			}
			cut := r.IntN(len(ids))
			before := tok.Decode(ids[:cut], true)
			all := tok.Decode(ids, true)
			if !strings.HasPrefix(all, before) {
				continue // the cut is inside a character
			}
			stream, got := tok.Stream(ids[:cut]), ""
			for _, id := range ids[cut:] {
				part := stream.Push(id)
				if !utf8.ValidString(part) {
					t.Errorf("%s: %q gives the part %q", name, s, part)
				}
				got += part
			}
			if got += stream.Flush(); before+got != all {
				t.Errorf("%s: after %q comes %q, want %q", name, before, got, all[len(before):])
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d tokenizers", n)
	}
}
