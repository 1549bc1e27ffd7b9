package text

import "unicode/utf8"

// matcher runs one pattern over one string. It backtracks; a search that takes more than a few thousand steps starts
// over remembering every (instruction, position) that it has visited, which bounds the work by their product: no
// pattern without nested lookahead takes more than quadratic time. A class loop that failed over a stretch is not tried again inside it, so that
// the usual patterns stay linear.
type matcher struct {
	p       *pattern
	s       string
	stack   []rxFrame
	steps   int
	over    bool                // the plain budget is spent
	visited map[uint64]struct{} // nil while searching plainly
	dead    map[int][2]int      // loop instruction → [low, end] from which its continuation failed everywhere
}

// rxFrame is a place to go back to.
type rxFrame struct {
	kind    frameKind
	pc, pos int // where to go on
	low     int // greedy: the shortest repeat ends here; the present one at pos
	end     int // greedy: the longest repeat ended here
	more    int // lazy: how many more characters may be taken
}

type frameKind uint8

const (
	plainFrame frameKind = iota
	greedyFrame
	lazyFrame
)

const plainBudget = 4096

// find returns the next match at or after from; ok is false if there is none.
func (m *matcher) find(from int) (start, end int, ok bool) {
	if m.visited != nil { // what was buried while remembering holds for that search only
		m.visited, m.dead = nil, nil
	}
	for i := from; i <= len(m.s); {
		m.steps = 0
		e := m.match(0, i)
		if m.over {
			m.over, m.visited = false, map[uint64]struct{}{}
			continue
		}
		if e >= 0 {
			return i, e, true
		}
		_, size := decode(m.s, i)
		i += max(size, 1)
	}
	return 0, 0, false
}

// decode is utf8.DecodeRuneInString with ASCII inlined; size 0 at the end.
func decode(s string, i int) (rune, int) {
	if i >= len(s) {
		return 0, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(s[i:])
}

// match tries the program at pc from position i and returns the end of the match, or -1.
func (m *matcher) match(pc, i int) int {
	base := len(m.stack)
	for {
		end, ok := m.run(pc, i)
		if ok || m.over {
			m.stack = m.stack[:base]
			if m.over {
				return -1
			}
			return end
		}
		if pc, i, ok = m.pop(base); !ok {
			return -1
		}
	}
}

// sub matches a lookahead's or an atomic group's program. It remembers on its own: what it visits may succeed.
func (m *matcher) sub(pc, i int) int {
	if m.visited == nil {
		return m.match(pc, i)
	}
	visited, dead := m.visited, m.dead
	m.visited, m.dead = map[uint64]struct{}{}, nil
	end := m.match(pc, i)
	m.visited, m.dead = visited, dead
	return end
}

// pop takes the next alternative from the stack.
func (m *matcher) pop(base int) (pc, pos int, ok bool) {
	for len(m.stack) > base {
		f := &m.stack[len(m.stack)-1]
		switch f.kind {
		case greedyFrame:
			if f.pos > f.low {
				_, size := utf8.DecodeLastRuneInString(m.s[:f.pos])
				f.pos -= size
				return f.pc, f.pos, true
			}
			m.bury(f)
		case lazyFrame:
			r, size := decode(m.s, f.pos)
			if size > 0 && f.more > 0 && m.p.inst[f.pc-1].set.has(r) {
				f.pos += size
				f.more--
				return f.pc, f.pos, true
			}
		case plainFrame:
			pc, pos = f.pc, f.pos
			m.stack = m.stack[:len(m.stack)-1]
			return pc, pos, true
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

func (m *matcher) bury(f *rxFrame) {
	if f.end-f.low < 8 || m.p.inst[f.pc-1].max != unlimitedRx {
		return
	}
	if m.dead == nil {
		m.dead = map[int][2]int{}
	}
	m.dead[f.pc-1] = [2]int{f.low, f.end}
}

// spent counts a step; it reports true when this way leads nowhere or the budget is used up.
func (m *matcher) spent(pc, i int) bool {
	if m.visited == nil {
		m.steps++
		m.over = m.steps > plainBudget
		return m.over
	}
	key := uint64(pc)<<40 | uint64(i)
	_, seen := m.visited[key]
	m.visited[key] = struct{}{}
	return seen
}

// run goes forward until the program matches or fails.
func (m *matcher) run(pc, i int) (end int, ok bool) {
	for {
		if m.spent(pc, i) {
			return 0, false
		}
		in := &m.p.inst[pc]
		pc++
		switch in.op {
		case rxMatch:
			return i, true
		case rxSetOp:
			r, size := decode(m.s, i)
			if size == 0 || !in.set.has(r) {
				return 0, false
			}
			i += size
		case rxLoop:
			if i, ok = m.loop(in, pc, i); !ok {
				return 0, false
			}
		case rxSplit:
			m.stack = append(m.stack, rxFrame{pc: in.y, pos: i})
			pc = in.x
		case rxJump:
			pc = in.x
		case rxLook, rxAtomic:
			e := m.sub(pc, i)
			if m.over || (e >= 0) == in.neg {
				return 0, false
			}
			if in.op == rxAtomic {
				i = e
			}
			pc = in.x
		case rxBehind:
			r, size := utf8.DecodeLastRuneInString(m.s[:i])
			if (size > 0 && in.set.has(r)) == in.neg {
				return 0, false
			}
		case rxAssert:
			if !m.assert(in.min, i) {
				return 0, false
			}
		}
	}
}

// loop takes a class repeat at i and leaves the other lengths on the stack.
func (m *matcher) loop(in *rxInst, next, i int) (int, bool) {
	if d, ok := m.dead[next-1]; ok && i >= d[0] && i <= d[1] {
		return 0, false
	}
	n, low := 0, i
	limit := in.max
	if in.lazy {
		limit = in.min
	}
	for n < limit {
		r, size := decode(m.s, i)
		if size == 0 || !in.set.has(r) {
			break
		}
		i += size
		if n++; n == in.min {
			low = i
		}
	}
	switch {
	case n < in.min:
		return 0, false
	case in.lazy:
		m.stack = append(m.stack, rxFrame{kind: lazyFrame, pc: next, pos: i, more: in.max - in.min})
	case i > low:
		m.stack = append(m.stack, rxFrame{kind: greedyFrame, pc: next, pos: i, low: low, end: i})
	}
	return i, true
}

var wordSet = func() *runeSet { r, _ := namedRanges("word"); return newRuneSet(r) }()

func (m *matcher) assert(kind, i int) bool {
	switch kind {
	case assertBegin:
		return i == 0
	case assertEnd:
		return i == len(m.s)
	case assertEndNL:
		return i == len(m.s) || i == len(m.s)-1 && m.s[i] == '\n'
	case assertLineBegin: // not after a line break that ends the text
		return i == 0 || m.s[i-1] == '\n' && i < len(m.s)
	case assertLineEnd:
		return i == len(m.s) || m.s[i] == '\n'
	}
	before, n := utf8.DecodeLastRuneInString(m.s[:i])
	after, k := decode(m.s, i)
	boundary := (n > 0 && wordSet.has(before)) != (k > 0 && wordSet.has(after))
	return boundary == (kind == assertWord)
}

// span is a part of a string by byte offsets; match tells a delimiter from what lies between two.
type span struct {
	start, end int
	match      bool
}

// spans covers s with the pattern's matches and the stretches between them, as Oniguruma's find_iter walks: an empty
// match is skipped where the previous match ended.
func (p *pattern) spans(s string, out []span) []span {
	m := matcher{p: p, s: s}
	prev, from, last := 0, 0, -1
	for from <= len(s) {
		start, end, ok := m.find(from)
		if !ok {
			break
		}
		if start == end && last == end {
			_, size := decode(s, from)
			from += max(size, 1)
			continue
		}
		if prev < start {
			out = append(out, span{prev, start, false})
		}
		out = append(out, span{start, end, true})
		prev, from, last = end, end, end
	}
	if prev < len(s) {
		out = append(out, span{prev, len(s), false})
	}
	return out
}

// matches reports whether the pattern occurs in s.
func (p *pattern) matches(s string) bool {
	m := matcher{p: p, s: s}
	_, _, ok := m.find(0)
	return ok
}

// replace writes f of every match in place of it.
func (p *pattern) replace(s string, f func(string) string) string {
	var out []byte
	for _, sp := range p.spans(s, nil) {
		if sp.match {
			out = append(out, f(s[sp.start:sp.end])...)
		} else {
			out = append(out, s[sp.start:sp.end]...)
		}
	}
	return string(out)
}
