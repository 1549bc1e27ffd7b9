package text

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// normalForm normalises as the reference's older tables do: compatibility characters newer than they are stay.
func normalForm(f norm.Form, s string) string {
	if ascii(s) {
		return s
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

// maxMarks is the longest run of combining marks that x/text leaves whole; into longer ones it puts a joiner (its
// stream-safe format), which the reference libraries do not.
const maxMarks = 24

// formString is f.String without the stream-safe format.
func formString(f norm.Form, s string) string {
	marks := 0
	for _, r := range s {
		if r < 0x300 {
			marks = 0
			continue
		}
		if marks++; combiningClass(r) == 0 && len(norm.NFKD.String(string(r))) < 4 {
			marks = 0
		}
		if marks > maxMarks {
			return formRunes(f, s)
		}
	}
	return f.String(s)
}

func combiningClass(r rune) uint8 { return norm.NFD.PropertiesString(string(r)).CCC() }

// formRunes is the textbook algorithm: decompose, order the marks, compose.
func formRunes(f norm.Form, s string) string {
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
		for _, d := range split.String(string(r)) {
			all = append(all, mark{d, combiningClass(d)})
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
