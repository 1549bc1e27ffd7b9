package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// tokenizerFile is tokenizer.json. Its truncation and padding sections are not read: the model family decides those.
type tokenizerFile struct {
	Version       *string
	AddedTokens   []addedWithID `json:"added_tokens"`
	Normalizer    *component
	PreTokenizer  *component `json:"pre_tokenizer"`
	PostProcessor *component `json:"post_processor"`
	Decoder       *component
	Model         *modelFile
}

type addedWithID struct {
	ID int32 `json:"id"`
	addedToken
}

type modelFile struct {
	Type         *string
	Vocab        json.RawMessage
	Merges       json.RawMessage
	Dropout      *float64
	UnkToken     *string `json:"unk_token"`
	UnkID        *int    `json:"unk_id"`
	Prefix       *string `json:"continuing_subword_prefix"`
	Suffix       *string `json:"end_of_word_suffix"`
	FuseUnk      *bool   `json:"fuse_unk"`
	ByteFallback *bool   `json:"byte_fallback"`
	IgnoreMerges *bool   `json:"ignore_merges"`
	MaxChars     *int    `json:"max_input_chars_per_word"`
}

const (
	maxTokenizerFile = 256 << 20
	maxVocab         = 1 << 22
)

func parseTokenizerJSON(b []byte) (*tokenizerFile, error) {
	var f tokenizerFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if f.Version != nil && *f.Version != "1.0" {
		return nil, fmt.Errorf("version %q is not supported; this reads 1.0", *f.Version)
	}
	if f.Model == nil {
		return nil, errors.New("the model section is missing")
	}
	return &f, nil
}

func (f *modelFile) spec() (*modelSpec, error) {
	m := &modelSpec{unkID: -1}
	if f.Dropout != nil && *f.Dropout != 0 {
		return nil, fmt.Errorf("model dropout %v would make ids random; set it to null", *f.Dropout)
	}
	set(&m.unk, f.UnkToken)
	set(&m.unkID, f.UnkID)
	set(&m.prefix, f.Prefix)
	set(&m.suffix, f.Suffix)
	set(&m.fuseUnk, f.FuseUnk)
	set(&m.byteFallback, f.ByteFallback)
	set(&m.ignoreMerges, f.IgnoreMerges)
	set(&m.maxChars, f.MaxChars)
	m.kind = f.kind()
	var err error
	if m.kind == "Unigram" {
		m.pieces, err = parsePieces(f.Vocab)
	} else if m.vocab, err = parseVocab(f.Vocab); err == nil && m.kind == "BPE" {
		m.merges, err = parseMerges(f.Merges)
	}
	return m, err
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// kind is the model's type. Old files leave it out: the reference then takes the first model whose fields are there.
func (f *modelFile) kind() string {
	switch {
	case f.Type != nil:
		return *f.Type
	case f.Merges != nil:
		return "BPE"
	case f.Prefix != nil && f.MaxChars != nil:
		return "WordPiece"
	case f.UnkToken != nil:
		return "WordLevel"
	}
	return "Unigram"
}

func parseVocab(raw json.RawMessage) (map[string]int32, error) {
	var vocab map[string]int32
	if err := json.Unmarshal(raw, &vocab); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	return vocab, checkVocab(vocab)
}

func checkVocab(vocab map[string]int32) error {
	if len(vocab) > maxVocab {
		return fmt.Errorf("a vocabulary of %d tokens is over the limit of %d", len(vocab), maxVocab)
	}
	for t, id := range vocab {
		if id < 0 {
			return fmt.Errorf("token %q has the id %d", t, id)
		}
	}
	return nil
}

func parsePieces(raw json.RawMessage) ([]unigramPiece, error) {
	var rows []unigramPiece
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	if len(rows) > maxVocab {
		return nil, fmt.Errorf("a vocabulary of %d tokens is over the limit of %d", len(rows), maxVocab)
	}
	return rows, nil
}

// UnmarshalJSON reads ["▁the", -3.2].
func (p *unigramPiece) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.text, &p.score})
}

// parseMerges reads ["a b", …] or [["a", "b"], …].
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	var lines []string
	if err := json.Unmarshal(raw, &lines); err != nil {
		var pairs [][2]string
		if json.Unmarshal(raw, &pairs) != nil {
			return nil, errors.New("merges must be strings or pairs of strings")
		}
		return pairs, nil
	}
	return splitMerges(lines)
}

// splitMerges reads the lines of merges.txt or of the older tokenizer.json.
func splitMerges(lines []string) ([][2]string, error) {
	out := make([][2]string, 0, len(lines))
	for i, line := range lines {
		if len(line) >= 8 && line[:8] == "#version" {
			continue
		}
		var parts [2]string
		n, at := 0, 0
		for j := 0; j <= len(line); j++ {
			if j == len(line) || line[j] == ' ' {
				if n < 2 {
					parts[n] = line[at:j]
				}
				n, at = n+1, j+1
			}
		}
		if n != 2 || !utf8.ValidString(line) {
			return nil, fmt.Errorf("merges: line %d is not two tokens: %.60q", i+1, line)
		}
		out = append(out, parts)
	}
	return out, nil
}

// literal is a component that is part of the program.
func literal(src string) *component {
	var c component
	if err := json.Unmarshal([]byte(src), &c); err != nil {
		panic(err)
	}
	return &c
}

// pipeline builds the parts around the model.
func (t *Tokenizer) pipeline(f *tokenizerFile) (err error) {
	left := maxComponents
	if f.Normalizer != nil {
		if t.norm, err = buildNormalizer(f.Normalizer, &left); err != nil {
			return err
		}
	}
	if f.PreTokenizer != nil {
		if t.pre, err = buildPreTokenizer(f.PreTokenizer, &left); err != nil {
			return err
		}
	}
	if f.PostProcessor != nil {
		if t.templates, err = buildPostProcessor(f.PostProcessor, &left); err != nil {
			return err
		}
	}
	if f.Decoder != nil {
		t.decode, err = buildDecoder(f.Decoder, &left)
	}
	return err
}
