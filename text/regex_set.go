package text

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// runeSet is a set of code points: a bitmap for ASCII and sorted, disjoint, inclusive ranges for everything.
type runeSet struct {
	ascii  [2]uint64
	ranges []rune // lo, hi, lo, hi …
}

func newRuneSet(pairs []rune) *runeSet {
	s := &runeSet{ranges: mergeRanges(pairs)}
	for i := 0; i < len(s.ranges); i += 2 {
		for r := s.ranges[i]; r <= s.ranges[i+1] && r < 128; r++ {
			s.ascii[r>>6] |= 1 << (r & 63)
		}
	}
	return s
}

func (s *runeSet) has(r rune) bool {
	if uint32(r) < 128 {
		return s.ascii[r>>6]>>(r&63)&1 != 0
	}
	if len(s.ranges) == 0 || r < s.ranges[0] {
		return false
	}
	lo, hi := 0, len(s.ranges)/2
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.ranges[2*mid+1] < r {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return 2*lo < len(s.ranges) && s.ranges[2*lo] <= r
}

// mergeRanges sorts the pairs and joins those that touch.
func mergeRanges(pairs []rune) []rune {
	type span struct{ lo, hi rune }
	spans := make([]span, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		spans = append(spans, span{pairs[i], pairs[i+1]})
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].lo < spans[j].lo })
	var out []rune
	for _, p := range spans {
		if n := len(out); n > 0 && p.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p.hi)
			continue
		}
		out = append(out, p.lo, p.hi)
	}
	return out
}

// complement returns the code points outside sorted ranges.
func complement(ranges []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i] > next {
			out = append(out, next, ranges[i]-1)
		}
		next = ranges[i+1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, next, unicode.MaxRune)
	}
	return out
}

// intersect returns the code points in both, each given as merged ranges.
func intersect(a, b []rune) []rune {
	return complement(mergeRanges(append(slices.Clone(complement(a)), complement(b)...)))
}

// foldRanges adds every simple case variant of the members.
func foldRanges(pairs []rune) []rune {
	out := slices.Clone(pairs)
	for i := 0; i < len(pairs); i += 2 {
		for r := pairs[i]; r <= min(pairs[i+1], 0x1E943); r++ { // nothing above U+1E943 has a case
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, f, f)
			}
		}
	}
	return mergeRanges(out)
}

func tableRanges(tables ...*unicode.RangeTable) []rune {
	var out []rune
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, lo, hi)
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, r, r)
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return mergeRanges(out)
}

// withAdds is the union of tables with what Oniguruma has beyond them under a name.
func withAdds(name string, tables ...*unicode.RangeTable) []rune {
	return mergeRanges(append(tableRanges(tables...), onigurumaAdds[name]...))
}

// The named classes of Oniguruma's Unicode syntax that are unions of tables.
func namedRanges(name string) ([]rune, bool) {
	switch name {
	case "word":
		return withAdds(name, unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.M, unicode.Nd, unicode.Pc), true
	case "alnum":
		return withAdds(name, unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.Nd), true
	case "alpha", "alphabetic":
		return withAdds("alpha", unicode.L, unicode.Nl, unicode.Other_Alphabetic), true
	case "digit":
		return withAdds("nd", unicode.Nd), true
	case "space", "whitespace":
		return tableRanges(unicode.White_Space), true
	case "upper", "uppercase":
		return tableRanges(unicode.Lu, unicode.Other_Uppercase), true
	case "lower", "lowercase":
		return tableRanges(unicode.Ll, unicode.Other_Lowercase), true
	case "punct":
		return mergeRanges(append(withAdds("p", unicode.P), withAdds("s", unicode.S)...)), true
	case "cntrl":
		return tableRanges(unicode.Cc), true
	case "xdigit":
		return []rune{'0', '9', 'A', 'F', 'a', 'f'}, true
	case "blank":
		return mergeRanges(append(tableRanges(unicode.Zs), '\t', '\t')), true
	case "any":
		return []rune{0, unicode.MaxRune}, true
	case "ascii":
		return []rune{0, 127}, true
	}
	return nil, false
}

// propertyRanges resolves the name inside \p{…}: a general category, a script, a property or a named class.
func propertyRanges(name string) ([]rune, error) {
	key := strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
	if key == "punct" { // \p{Punct} is the general category P, unlike [[:punct:]]
		return withAdds("p", unicode.P), nil
	}
	if r, ok := namedRanges(key); ok {
		return r, nil
	}
	if long, ok := categoryNames[key]; ok {
		key = long
	}
	for _, group := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		for n, t := range group {
			if strings.ToLower(strings.ReplaceAll(n, "_", "")) == key {
				return withAdds(key, t), nil
			}
		}
	}
	return nil, fmt.Errorf("character property %q is not known", name)
}

var categoryNames = map[string]string{
	"letter": "l", "mark": "m", "number": "n", "punctuation": "p", "symbol": "s", "separator": "z", "other": "c",
	"uppercaseletter": "lu", "lowercaseletter": "ll", "titlecaseletter": "lt", "modifierletter": "lm", "otherletter": "lo",
	"nonspacingmark": "mn", "spacingmark": "mc", "enclosingmark": "me", "decimalnumber": "nd", "letternumber": "nl",
	"othernumber": "no", "connectorpunctuation": "pc", "dashpunctuation": "pd", "openpunctuation": "ps",
	"closepunctuation": "pe", "initialpunctuation": "pi", "finalpunctuation": "pf", "otherpunctuation": "po",
	"mathsymbol": "sm", "currencysymbol": "sc", "modifiersymbol": "sk", "othersymbol": "so",
	"spaceseparator": "zs", "lineseparator": "zl", "paragraphseparator": "zp", "control": "cc", "format": "cf", "privateuse": "co",
}
