package weights

import "strings"

// Layout says how a checkpoint names what a module calls by its own names. A
// layout without rules is the module's own.
type Layout struct {
	Name    string   // what errors call it: "CLIP as transformers saves it"
	Marker  string   // a tensor that only this layout has
	Rules   []Rule   // the first whose To matches a wanted name applies
	Ignore  []string // tensors that carry no weights: position_ids, masks
	Foreign []string // tensors that another module of the folder claims
}

// Rule makes the tensor To out of From. In both, each "*" stands for a run of
// characters other than dots; From's stars take To's runs, in order.
type Rule struct {
	To      string
	From    []string
	Op      Op
	Part    Part    // for Split
	Adapter Adapter // for LowRank
}

// Op is what a rule does besides renaming.
type Op uint8

const (
	// Rename takes the one tensor as it is.
	Rename Op = iota
	// Cat stacks the tensors by rows: q, k and v into qkv.
	Cat
	// Split takes one of several equal parts of the rows: q out of qkv.
	Split
	// Transpose swaps rows and columns: x@W checkpoints.
	Transpose
	// ChannelsLast turns a convolution's (Out, In, H, W) into rows (Out, H·W·In).
	ChannelsLast
	// Scale multiplies row r of the first tensor by element r of the second:
	// a layer scale folded into the linear before it.
	Scale
	// Gap stacks two tensors with as many zeros between them: q's and v's biases
	// into qkv's, where k has none.
	Gap
	// LowRank adds the product of the second and the third tensor to the first:
	// a LoRA adapter (arXiv 2106.09685) folded into the weight that it adapts.
	LowRank
)

// Part is rows Lo/Of to Hi/Of of a tensor.
type Part struct{ Lo, Hi, Of int }

// Adapter is one of the adapters that lie one after the other in the first dimension
// of a product's tensors, and what the product is multiplied by.
type Adapter struct {
	At     int
	Factor float32
}

// From names one source tensor.
func From(names ...string) []string { return names }

// Pick returns the first layout whose marker the checkpoint has.
func Pick(src Source, layouts ...Layout) (Layout, bool) {
	for _, l := range layouts {
		if _, ok := src.Get(l.Marker); ok {
			return l, true
		}
	}
	return Layout{}, false
}

// resolve finds the rule for a wanted name and its sources.
func (l *Layout) resolve(name string) (Rule, []string) {
	for _, r := range l.Rules {
		runs, ok := MatchName(r.To, name)
		if !ok {
			continue
		}
		from := make([]string, len(r.From))
		for i, f := range r.From {
			from[i] = ExpandName(f, runs)
		}
		return r, from
	}
	return Rule{}, []string{name}
}

// unclaimed tells whether a tensor that nothing wanted is worth reporting.
func (l *Layout) unclaimed(name string) bool {
	for _, list := range [][]string{l.Ignore, l.Foreign} {
		for _, p := range list {
			if prefix, ok := strings.CutSuffix(p, ".**"); ok && strings.HasPrefix(name, prefix+".") {
				return false
			}
			if _, ok := MatchName(p, name); ok {
				return false
			}
		}
	}
	return true
}

// MatchName fits name to a pattern and returns what its stars stand for.
func MatchName(pattern, name string) (runs []string, ok bool) {
	for {
		lit, rest, star := strings.Cut(pattern, "*")
		if !strings.HasPrefix(name, lit) {
			return nil, false
		}
		name = name[len(lit):]
		if !star {
			return runs, name == ""
		}
		end := strings.IndexByte(name, '.')
		if end < 0 {
			end = len(name)
		}
		if end == 0 {
			return nil, false
		}
		runs, name, pattern = append(runs, name[:end]), name[end:], rest
	}
}

// ExpandName puts runs in the place of the pattern's stars.
func ExpandName(pattern string, runs []string) string {
	for _, r := range runs {
		pattern = strings.Replace(pattern, "*", r, 1)
	}
	return pattern
}
