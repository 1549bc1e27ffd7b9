package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean is a way of cleaning a text before tokenization, named after the code base that trained with it.
type Clean string

const (
	CleanNone         Clean = ""             // as it stands
	CleanOpenCLIP     Clean = "lower"        // OpenCLIP and OpenAI CLIP: repair (ftfy), unescape HTML, collapse white space, lower-case; a CLIP vocabulary is then used as OpenCLIP's SimpleTokenizer does
	CleanImageBind    Clean = "imagebind"    // ImageBind: as OpenCLIP, but that the special tokens in a text are those of the vocabulary's file
	CleanWhitespace   Clean = "whitespace"   // OpenCLIP around Hugging Face tokenizers: the same without lower case
	CleanCanonicalize Clean = "canonicalize" // OpenCLIP for SigLIP: the same, ASCII punctuation removed, lower-case
	CleanSigLIP       Clean = "siglip"       // big_vision as transformers has it: lower-case, ASCII punctuation removed, white space collapsed
)

// ParseClean reads the name of a cleaning: "", lower, whitespace, canonicalize or siglip.
func ParseClean(s string) (Clean, error) {
	switch c := Clean(s); c {
	case CleanNone, CleanOpenCLIP, CleanWhitespace, CleanCanonicalize, CleanSigLIP:
		return c, nil
	}
	return "", fmt.Errorf("text: cleaning %q is not known; use lower, whitespace, canonicalize or siglip", s)
}

func (c Clean) apply(s string) string {
	switch c {
	case CleanOpenCLIP, CleanImageBind:
		return pythonLower(collapseSpace(basicClean(s)))
	case CleanWhitespace:
		return collapseSpace(basicClean(s))
	case CleanCanonicalize:
		s = strings.ReplaceAll(basicClean(s), "_", " ")
		return collapseSpace(pythonLower(dropPunctuation(s)))
	case CleanSigLIP:
		return siglipClean(s, true)
	}
	return s
}

// siglipClean is SiglipTokenizer.canonicalize_text.
func siglipClean(s string, lower bool) string {
	if lower {
		s = pythonLower(s)
	}
	return collapseSpace(dropPunctuation(s))
}

// basicClean is open_clip's: repair, unescape twice, strip.
func basicClean(s string) string {
	return strings.TrimFunc(unescapeHTML(unescapeHTML(fixText(s))), isPythonSpace)
}

// collapseSpace is Python's " ".join(s.split()).
func collapseSpace(s string) string {
	return strings.Join(strings.FieldsFunc(s, isPythonSpace), " ")
}

// isPythonSpace is str.isspace, which also counts the four information separators.
func isPythonSpace(r rune) bool { return r >= 0x1C && r <= 0x1F || unicode.Is(unicode.White_Space, r) }

func dropPunctuation(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			return -1
		}
		return r
	}, s)
}

// pythonLower is str.lower: full mappings and the final sigma.
func pythonLower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == 'İ':
			b.WriteString("i̇")
		case r == 'Σ' && finalSigma(s[:i], s[i+len("Σ"):]):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// finalSigma: a cased letter before and none after, past characters that case ignores.
func finalSigma(before, after string) bool {
	for {
		r, n := utf8.DecodeLastRuneInString(before)
		if n == 0 || !caseIgnorable(r) {
			if n == 0 || !cased(r) {
				return false
			}
			break
		}
		before = before[:len(before)-n]
	}
	for _, r := range after {
		if !caseIgnorable(r) {
			return !cased(r)
		}
	}
	return true
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("':.\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A", r)
}
