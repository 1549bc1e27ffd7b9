package words

import (
	"bytes"
	"math/bits"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/lang/ckb"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fa"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hi"
	"github.com/blevesearch/bleve/v2/analysis/lang/hr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/in"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pl"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
)

// language is one whose words have stems here.
type language struct {
	code   string
	script *unicode.RangeTable
	stop   []byte                   // its function words, as bleve has them
	stems  [][]analysis.TokenFilter // each its own way to stem a word; two words are one if any agrees
}

// languages is the table; a set of languages is a bit mask over it. Chinese, Japanese and
// Korean are not in it: their words are pairs of characters.
var languages = sync.OnceValue(func() []language {
	polish, err := pl.NewPolishStemmerFilter()
	if err != nil {
		panic(err) // its tables are part of the program
	}
	type chain = []analysis.TokenFilter
	one := func(f ...analysis.TokenFilter) []chain { return []chain{f} }
	latin := unicode.Latin
	return []language{
		{"en", latin, en.EnglishStopWords, one(en.NewEnglishStemmerFilter())},
		{"de", latin, de.GermanStopWords, []chain{{de.NewGermanNormalizeFilter(), de.NewGermanLightStemmerFilter()}, {de.NewGermanStemmerFilter()}}},
		{"fr", latin, fr.FrenchStopWords, []chain{{fr.NewFrenchLightStemmerFilter()}, {fr.NewFrenchStemmerFilter()}}},
		{"es", latin, es.SpanishStopWords, []chain{{es.NewSpanishNormalizeFilter(), es.NewSpanishLightStemmerFilter()}, {es.NewSpanishStemmerFilter()}}},
		{"it", latin, it.ItalianStopWords, []chain{{it.NewItalianLightStemmerFilterFilter()}, {it.NewItalianStemmerFilter()}}},
		{"pt", latin, pt.PortugueseStopWords, one(pt.NewPortugueseLightStemmerFilter())},
		{"nl", latin, nl.DutchStopWords, one(nl.NewDutchStemmerFilter())},
		{"sv", latin, sv.SwedishStopWords, one(sv.NewSwedishStemmerFilter())},
		{"da", latin, da.DanishStopWords, one(da.NewDanishStemmerFilter())},
		{"no", latin, no.NorwegianStopWords, one(no.NewNorwegianStemmerFilter())},
		{"fi", latin, fi.FinnishStopWords, one(fi.NewFinnishStemmerFilter())},
		{"pl", latin, pl.PolishStopWords, one(polish)},
		{"ro", latin, ro.RomanianStopWords, one(ro.NewRomanianStemmerFilter())},
		{"hu", latin, hu.HungarianStopWords, one(hu.NewHungarianStemmerFilter())},
		{"tr", latin, tr.TurkishStopWords, one(tr.NewTurkishStemmerFilter())},
		{"hr", latin, hr.CroatianStopWords, one(hr.NewSuffixTransformationFilter(), hr.NewCroatianStemmerFilter())},
		{"ru", unicode.Cyrillic, ru.RussianStopWords, one(ru.NewRussianStemmerFilter())},
		{"ar", unicode.Arabic, ar.ArabicStopWords, one(ar.NewArabicNormalizeFilter(), ar.NewArabicStemmerFilter())},
		{"fa", unicode.Arabic, fa.PersianStopWords, one(ar.NewArabicNormalizeFilter(), fa.NewPersianNormalizeFilter())},
		{"ckb", unicode.Arabic, ckb.SoraniStopWords, one(ckb.NewSoraniNormalizeFilter(), ckb.NewSoraniStemmerFilter())},
		{"hi", unicode.Devanagari, hi.HindiStopWords, one(in.NewIndicNormalizeFilter(), hi.NewHindiNormalizeFilter(), hi.NewHindiStemmerFilter())},
	}
})

// tongues is a set of languages.
type tongues uint32

const anyTongue = ^tongues(0)

// tonguesOf are the languages of a code such as "de", "pt-BR" or "nb"; none for one
// without stems here.
func tonguesOf(code string) tongues {
	code, _, _ = strings.Cut(strings.ToLower(strings.ReplaceAll(code, "_", "-")), "-")
	switch code {
	case "nb", "nn":
		code = "no"
	case "bs", "sr", "sh":
		code = "hr"
	}
	for i, l := range languages() {
		if l.code == code {
			return 1 << i
		}
	}
	return 0
}

// scripts are the languages written in a script.
var scripts = sync.OnceValue(func() map[*unicode.RangeTable]tongues {
	m := map[*unicode.RangeTable]tongues{}
	for i, l := range languages() {
		m[l.script] |= 1 << i
	}
	return m
})

// written are the languages that a word can be of by its script.
func written(word string) tongues {
	r, _ := utf8.DecodeRuneInString(word)
	for script, set := range scripts() {
		if unicode.Is(script, r) {
			return set
		}
	}
	return 0
}

// functionWords maps each function word to the languages it is one of.
var functionWords = sync.OnceValue(func() map[string]tongues {
	m := map[string]tongues{}
	for i, l := range languages() {
		list := analysis.NewTokenMap()
		if err := list.LoadBytes(bytes.Clone(l.stop)); err != nil {
			panic(err) // the lists are part of the program
		}
		for word := range list {
			for t := range tokens(word) {
				m[lower(word[t.start:t.end])] |= 1 << i
			}
		}
	}
	return m
})

// sure is the number of function words that a language is believed for.
const sure = 2

// tally counts the evidence for each language.
type tally [32]uint8

func (t *tally) add(set tongues) {
	for ; set != 0; set &= set - 1 {
		if at := bits.TrailingZeros32(uint32(set)); t[at] < 255 {
			t[at]++
		}
	}
}

func (t *tally) best() uint8 {
	best := uint8(0)
	for _, n := range t {
		best = max(best, n)
	}
	return best
}

// tonguesIn are the languages to stem a text in: the one it is said to be in, or those it
// seems to be in.
func tonguesIn(lang string, lowered []string) tongues {
	if lang != "" {
		return tonguesOf(lang)
	}
	return languagesOf(lowered)
}

// languagesOf tells the languages that a text may be in: those with about the most
// function words, any if there is little evidence.
func languagesOf(lowered []string) tongues {
	var t tally
	for _, word := range lowered {
		t.add(functionWords()[word])
	}
	best := t.best()
	if best < sure {
		return anyTongue
	}
	var set tongues
	for i, n := range t {
		if n > 0 && n+1 >= best {
			set |= 1 << i
		}
	}
	return set
}
