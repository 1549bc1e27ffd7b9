package text

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalForm normalises as the reference's older tables do: compatibility characters newer than they are stay.
func normalForm(f norm.Form, s string) string {
	if ascii(s) {
		return s
	}
	if strings.IndexFunc(s, newMarkSet.has) >= 0 {
		return formRunes(f, s, true)
	}
	if f != norm.NFKC && f != norm.NFKD || strings.IndexFunc(s, keptSet.has) < 0 {
		return formString(f, s)
	}
	var b strings.Builder
	for {
		i := strings.IndexFunc(s, keptSet.has)
		if i < 0 {
			b.WriteString(formString(f, s))
			return b.String()
		}
		_, n := decode(s, i)
		b.WriteString(formString(f, s[:i]))
		b.WriteString(s[i : i+n])
		s = s[i+n:]
	}
}

// maxMarks bounds a run of combining marks for x/text. It puts a joiner into runs of more than 30 (its stream-safe
// format), which the reference libraries do not; a starter may decompose into four marks, a mark into two.
const maxMarks = 12

// formString is f.String without the stream-safe format.
func formString(f norm.Form, s string) string {
	marks := 0
	for _, r := range s {
		if r < 0x300 || !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			return formRunes(f, s, false)
		}
	}
	return f.String(s)
}

func combiningClass(r rune) uint8 { return norm.NFD.PropertiesString(string(r)).CCC() }

// formRunes is the textbook algorithm: decompose, order the marks, compose. With old set it goes by the older tables.
func formRunes(f norm.Form, s string, old bool) string {
	split := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		split = norm.NFKD
	}
	type mark struct {
		r   rune
		ccc uint8
	}
	var all []mark
	for _, r := range s {
		if old && split == norm.NFKD && keptSet.has(r) {
			all = append(all, mark{r, 0})
			continue
		}
		for _, d := range split.String(string(r)) {
			m := mark{d, combiningClass(d)}
			if old && newMarkSet.has(d) {
				m.ccc = 0
			}
			all = append(all, m)
		}
	}
	for i := 0; i < len(all); i++ {
		j := i
		for j < len(all) && all[j].ccc != 0 {
			j++
		}
		slices.SortStableFunc(all[i:j], func(a, b mark) int { return int(a.ccc) - int(b.ccc) })
		i = j
	}
	var out []rune
	starter, last := -1, uint8(0) // the starter that marks may join, the class of the mark before
	for _, m := range all {
		if f == norm.NFC || f == norm.NFKC {
			blocked := starter < 0 || last != 0 && last >= m.ccc || last == 0 && starter != len(out)-1
			if !blocked {
				if c := []rune(norm.NFC.String(string([]rune{out[starter], m.r}))); len(c) == 1 {
					out[starter] = c[0]
					continue
				}
			}
		}
		if m.ccc == 0 {
			starter = len(out)
		}
		last = m.ccc
		out = append(out, m.r)
	}
	return string(out)
}
