package text

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
)

// openAIVocabulary is the file that CLIP, OpenCLIP and ImageBind carry with their
// code: merges only, in order of rank, compressed.
const openAIVocabulary = "bpe_simple_vocab_16e6.txt.gz"

// openAIMerges is how many of the file's merges the models were trained with.
const openAIMerges = 49152 - 256 - 2

// fromOpenAI reads the merges and numbers the tokens as SimpleTokenizer does: bytes,
// bytes that end a word, what the merges make, the begin and the end of a text.
func (b *folderBuild) fromOpenAI(data []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxTokenizerFile))
	if err != nil {
		return err
	}
	lines := fileLines(plain)
	if len(lines) < 2 {
		return fmt.Errorf("it has no merges")
	}
	lines = lines[1:min(len(lines), 1+openAIMerges)] // the first line is a version
	b.spec = &modelSpec{kind: "BPE", unkID: -1, vocab: map[string]int32{}}
	if b.spec.merges, err = splitMerges(lines); err != nil {
		return err
	}
	add := func(token string) { b.spec.vocab[token] = int32(len(b.spec.vocab)) }
	alphabet := slices.Sorted(slices.Values(byteRunes[:]))
	for _, end := range []string{"", "</w>"} {
		for _, r := range alphabet {
			add(string(r) + end)
		}
	}
	for _, m := range b.spec.merges {
		add(strings.Join(m[:], ""))
	}
	add("<|startoftext|>")
	add("<|endoftext|>")
	b.class = "CLIPTokenizer"
	return nil
}
