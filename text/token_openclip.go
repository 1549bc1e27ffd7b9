package text

import (
	"fmt"
	"strings"
	"unicode"
)

// openCLIPSplit is the word pattern of OpenCLIP's own SimpleTokenizer. It differs from transformers' CLIP in what
// counts as a letter (Python's regex module has newer tables), and knows its special tokens under other names.
type openCLIPSplit struct {
	words    *pattern
	specials map[string]int32
}

// asOpenCLIP turns a CLIP tokenizer into OpenCLIP's: the text is cleaned instead of normalised, and the tokens of the
// vocabulary's file are ordinary text.
func (t *Tokenizer) asOpenCLIP() error {
	bos, okB := t.BOS()
	eos, okE := t.EOS()
	if !okB || !okE {
		return fmt.Errorf("the OpenCLIP tokenizer needs begin and end tokens; the folder names none")
	}
	letters := classOf(append(tableRanges(unicode.L), regexLetterAdds...))
	numbers := classOf(append(tableRanges(unicode.N), regexNumberAdds...))
	words, err := compilePattern(`(?i:<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d)|[` + letters + `]+|[` + numbers + `]|[^\s\x{345}` + letters + numbers + `]+`) // U+0345 folds to a letter: the original drops it
	if err != nil {
		return err
	}
	t.norm = nil
	t.pre = openCLIPSplit{words, map[string]int32{"<start_of_text>": bos, "<end_of_text>": eos}}
	t.added.raw, t.added.normed = tokenFinder{}, tokenFinder{}
	return nil
}

// classOf writes ranges as the inside of a bracket expression.
func classOf(pairs []rune) string {
	var b strings.Builder
	r := mergeRanges(pairs)
	for i := 0; i < len(r); i += 2 {
		fmt.Fprintf(&b, `\x{%X}-\x{%X}`, r[i], r[i+1])
	}
	return b.String()
}

func (o openCLIPSplit) split(p piece, out []piece) []piece {
	for _, sp := range o.words.spans(p.text, nil) {
		if !sp.match {
			continue
		}
		w := p.text[sp.start:sp.end]
		if id, ok := o.specials[w]; ok {
			out = append(out, piece{w, id, false})
		} else {
			out = append(out, piece{byteLevel(w), notToken, false})
		}
	}
	return out
}
