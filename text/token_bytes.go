package text

import "strings"

// TokenBytes is what a token adds to a text, in bytes, which may be a part of a
// character; special tokens add nothing. It holds for the tokenizers of language
// models: bytes as letters, or words after ▁ with bytes for what is rare.
func (t *Tokenizer) TokenBytes(id int32) []byte {
	tok, ok := t.Token(id)
	if !ok {
		return nil
	}
	if a, ok := t.added.byID[id]; ok {
		if a.Special {
			return nil
		}
		return []byte(a.Content)
	}
	if t.bytesAsLetters() {
		var out []byte
		for _, r := range tok {
			c, ok := runeBytes[r]
			if !ok {
				return []byte(tok)
			}
			out = append(out, c)
		}
		return out
	}
	if c, ok := byteOf(tok); ok {
		return []byte{c}
	}
	return []byte(strings.ReplaceAll(tok, "▁", " "))
}

// bytesAsLetters tells whether the decoder is GPT-2's, for which Ġ is a space.
func (t *Tokenizer) bytesAsLetters() bool {
	return t.decode != nil && strings.Join(t.decode([]string{"Ġ"}), "") == " "
}
