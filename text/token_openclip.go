package text

import (
	"fmt"
	"strings"
	"unicode"
)

// simpleSplit is the word pattern of SimpleTokenizer, which CLIP, OpenCLIP and ImageBind have in common. It differs from
// transformers' CLIP in what counts as a letter (Python's regex module has newer tables), and OpenCLIP knows its special
// tokens under other names.
type simpleSplit struct {
	words    *pattern
	specials map[string]int32
}

// asSimple turns a CLIP tokenizer into SimpleTokenizer: the text is cleaned instead of normalised, and only the given names
// of the begin and the end are not ordinary text.
func (t *Tokenizer) asSimple(begin, end string) error {
	bos, okB := t.BOS()
	eos, okE := t.EOS()
	if !okB || !okE {
		return fmt.Errorf("a CLIP tokenizer needs begin and end tokens; the folder names none")
	}
	letters := classOf(append(tableRanges(unicode.L), regexLetterAdds...))
	numbers := classOf(append(tableRanges(unicode.N), regexNumberAdds...))
	quote := strings.NewReplacer(`|`, `\|`)
	words, err := compilePattern(`(?i:` + quote.Replace(begin) + `|` + quote.Replace(end) + `|'s|'t|'re|'ve|'m|'ll|'d)|[` + letters + `]+|[` + numbers + `]|[^\s\x{345}` + letters + numbers + `]+`) // U+0345 folds to a letter: the original drops it
	if err != nil {
		return err
	}
	t.norm = nil
	t.pre = simpleSplit{words, map[string]int32{begin: bos, end: eos}}
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

func (o simpleSplit) split(p piece, out []piece) []piece {
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
