package text

import (
	"errors"
	"fmt"
	"strings"
)

// class reads a bracket expression after its opening bracket and returns merged ranges. Nested classes are united,
// && intersects, [:name:] is a POSIX class.
func (p *rxParser) class(depth int) ([]rune, error) {
	if depth > maxNesting {
		return nil, errors.New("nested too deeply")
	}
	neg := p.accept("^")
	var pairs []rune
	var left []rune // the operand before &&
	intersecting := false
	for first := true; ; first = false {
		switch {
		case !p.more():
			return nil, errors.New("unclosed class")
		case p.look("]") && !first:
			p.pos++
			pairs = mergeRanges(pairs)
			if intersecting {
				pairs = intersect(left, pairs)
			}
			if neg {
				pairs = complement(pairs)
			}
			return pairs, nil
		case p.accept("&&"):
			pairs = mergeRanges(pairs)
			if intersecting {
				pairs = intersect(left, pairs)
			}
			left, intersecting, pairs = pairs, true, nil
		default:
			more, err := p.classItem(depth)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, more...)
		}
	}
}

func (p *rxParser) classItem(depth int) ([]rune, error) {
	if p.look("[:") {
		if end := strings.Index(p.src[p.pos:], ":]"); end > 0 {
			return p.posix(end)
		}
	}
	if p.accept("[") {
		return p.class(depth + 1)
	}
	lo, err := p.classAtom()
	if err != nil || len(lo) != 2 || lo[0] != lo[1] {
		return lo, err
	}
	rest := p.src[p.pos:]
	if !strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "-]") || strings.HasPrefix(rest, "-[") || rest == "-" {
		return p.folded(lo), nil
	}
	p.pos++
	hi, err := p.classAtom()
	if err != nil {
		return nil, err
	}
	if len(hi) != 2 || hi[0] != hi[1] {
		return append(append(lo, '-', '-'), hi...), nil
	}
	if hi[0] < lo[0] {
		return nil, fmt.Errorf("empty range %c-%c", lo[0], hi[0])
	}
	return p.folded([]rune{lo[0], hi[0]}), nil
}

// folded applies (?i) to a part of a class, before a possible negation.
func (p *rxParser) folded(pairs []rune) []rune {
	if p.fold {
		return foldRanges(pairs)
	}
	return pairs
}

func (p *rxParser) classAtom() ([]rune, error) {
	if p.accept(`\`) {
		if p.accept("b") {
			return []rune{8, 8}, nil
		}
		return p.escapedSet()
	}
	r := p.next()
	return []rune{r, r}, nil
}

func (p *rxParser) posix(end int) ([]rune, error) {
	name := p.src[p.pos+2 : p.pos+end]
	p.pos += end + 2
	neg := strings.HasPrefix(name, "^")
	r, ok := namedRanges(strings.TrimPrefix(name, "^"))
	if !ok {
		return nil, fmt.Errorf("class [:%s:] is not known", name)
	}
	if neg {
		r = complement(r)
	}
	return r, nil
}
