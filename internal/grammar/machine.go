package grammar

import (
	"encoding/binary"
	"slices"
)

// Grammar is rules over bytes; rule 0 is the start.
type Grammar struct{ rules []rule }

// rule is alternatives, each a sequence of symbols.
type rule [][]symbol

// symbol is a byte of a set or, where that is nil, a rule.
type symbol struct {
	set  *set
	rule int
}

// set is bytes.
type set [4]uint64

func (s *set) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *set) has(b byte) bool { return s[b>>6]>>(b&63)&1 == 1 }

// State is what may follow a text: 0 is nothing at all, the text is not of the
// grammar.
type State int32

// Machine follows a text through a grammar. It is for one goroutine.
type Machine struct {
	g      *Grammar
	nodes  map[node]int32
	list   []node
	states map[string]State
	all    []state
	seen   map[entry]struct{} // what a closure has entered
}

// entry is a rule with where to go on after it.
type entry struct{ rule, after int32 }

// node is one way in which a text can go on: a place in a rule, and where to go on
// after it.
type node struct {
	rule, alternative, place int32
	after                    int32 // a node; 0: the end
}

type state struct {
	ends  []int32 // nodes whose symbol is a set of bytes, sorted; 0 is the end
	moves *[256]State
}

// unknown marks moves that have not been made yet.
const unknown State = -1

// Machine starts one.
func (g *Grammar) Machine() *Machine {
	return &Machine{g: g, nodes: map[node]int32{}, list: make([]node, 1), states: map[string]State{"": 0}, all: make([]state, 1), seen: map[entry]struct{}{}}
}

// Start is the state before the first byte.
func (m *Machine) Start() State {
	var ends []int32
	clear(m.seen)
	m.enter(0, 0, &ends)
	return m.state(ends)
}

// Done tells whether a text may end here.
func (m *Machine) Done(s State) bool { return len(m.all[s].ends) > 0 && m.all[s].ends[0] == 0 }

// Ended tells whether it has to.
func (m *Machine) Ended(s State) bool { return len(m.all[s].ends) == 1 && m.Done(s) }

// Next is the state after one more byte.
func (m *Machine) Next(s State, b byte) State {
	st := &m.all[s]
	if st.moves == nil {
		st.moves = new([256]State)
		for i := range st.moves {
			st.moves[i] = unknown
		}
	}
	if to := st.moves[b]; to != unknown {
		return to
	}
	var ends []int32
	clear(m.seen)
	for _, n := range st.ends {
		if n == 0 {
			continue
		}
		if m.symbol(n).set.has(b) {
			m.closure(m.behind(n), &ends)
		}
	}
	moves := st.moves // m.all may move
	to := m.state(ends)
	moves[b] = to
	return to
}

// symbol is what a node waits for.
func (m *Machine) symbol(n int32) symbol {
	at := m.list[n]
	return m.g.rules[at.rule][at.alternative][at.place]
}

// behind is where a node's text goes on after its symbol.
func (m *Machine) behind(n int32) int32 {
	at := m.list[n]
	if at.place++; int(at.place) == len(m.g.rules[at.rule][at.alternative]) {
		return at.after
	}
	return m.node(at)
}

func (m *Machine) node(n node) int32 {
	id, ok := m.nodes[n]
	if !ok {
		id = int32(len(m.list))
		m.nodes[n], m.list = id, append(m.list, n)
	}
	return id
}

// closure adds the nodes that wait for a byte where n goes on.
func (m *Machine) closure(n int32, ends *[]int32) {
	if n == 0 {
		*ends = append(*ends, 0)
		return
	}
	if sym := m.symbol(n); sym.set == nil {
		m.enter(int32(sym.rule), m.behind(n), ends)
		return
	}
	*ends = append(*ends, n)
}

// enter adds those of a rule's alternatives.
func (m *Machine) enter(r, after int32, ends *[]int32) {
	if _, ok := m.seen[entry{r, after}]; ok {
		return
	}
	m.seen[entry{r, after}] = struct{}{}
	for i, alternative := range m.g.rules[r] {
		if len(alternative) == 0 {
			m.closure(after, ends)
		} else {
			m.closure(m.node(node{r, int32(i), 0, after}), ends)
		}
	}
}

// circular tells whether a rule can come to itself without a byte: closure would not
// end.
func (g *Grammar) circular() bool {
	empty := g.empty()
	seen := make([]uint8, len(g.rules)) // 1: on the way here, 2: done
	var visit func(r int) bool
	visit = func(r int) bool {
		if seen[r] > 0 {
			return seen[r] == 1
		}
		seen[r] = 1
		for _, alternative := range g.rules[r] {
			for _, s := range alternative {
				if s.set != nil {
					break
				}
				if visit(s.rule) {
					return true
				}
				if !empty[s.rule] {
					break
				}
			}
		}
		seen[r] = 2
		return false
	}
	for r := range g.rules {
		if visit(r) {
			return true
		}
	}
	return false
}

// empty says which rules may stand for nothing.
func (g *Grammar) empty() []bool {
	type part struct{ rule, left int } // an alternative and how many of its rules are not empty yet
	var parts []part
	uses := make([][]int, len(g.rules)) // parts that a rule is in
	var found []int
	out := make([]bool, len(g.rules))
	add := func(r int) {
		if !out[r] {
			out[r] = true
			found = append(found, r)
		}
	}
	for r, alternatives := range g.rules {
		for _, a := range alternatives {
			if slices.ContainsFunc(a, func(s symbol) bool { return s.set != nil }) {
				continue
			}
			for _, s := range a {
				uses[s.rule] = append(uses[s.rule], len(parts))
			}
			if parts = append(parts, part{r, len(a)}); len(a) == 0 {
				add(r)
			}
		}
	}
	for len(found) > 0 {
		r := found[0]
		found = found[1:]
		for _, i := range uses[r] {
			if parts[i].left--; parts[i].left == 0 {
				add(parts[i].rule)
			}
		}
	}
	return out
}

func (m *Machine) state(ends []int32) State {
	slices.Sort(ends)
	ends = slices.Compact(ends)
	key := make([]byte, 0, 4*len(ends))
	for _, n := range ends {
		key = binary.LittleEndian.AppendUint32(key, uint32(n))
	}
	s, ok := m.states[string(key)]
	if !ok {
		s = State(len(m.all))
		m.states[string(key)], m.all = s, append(m.all, state{ends: ends})
	}
	return s
}
