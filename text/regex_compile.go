package text

// rxCompiler writes the program of a parsed pattern.
type rxCompiler struct {
	inst   []rxInst
	tooBig bool
}

func (c *rxCompiler) emit(i rxInst) int {
	if len(c.inst) >= maxProgram {
		c.tooBig = true
		return 0
	}
	c.inst = append(c.inst, i)
	return len(c.inst) - 1
}

func (c *rxCompiler) node(n *rxNode) {
	if c.tooBig {
		return
	}
	switch n.kind {
	case nodeSet:
		c.emit(rxInst{op: rxSetOp, set: n.set})
	case nodeConcat:
		for _, s := range n.subs {
			c.node(s)
		}
	case nodeAlternate:
		c.alternate(n.subs)
	case nodeRepeat:
		c.repeat(n)
	case nodeLook:
		c.sub(rxInst{op: rxLook, neg: n.neg}, n.subs[0])
	case nodeAtomic:
		c.sub(rxInst{op: rxAtomic}, n.subs[0])
	case nodeBehind:
		c.emit(rxInst{op: rxBehind, neg: n.neg, set: n.set})
	case nodeAssert:
		c.emit(rxInst{op: rxAssert, min: n.assertion})
	}
}

// sub writes a program of its own that ends in a match; execution goes on at x.
func (c *rxCompiler) sub(i rxInst, body *rxNode) {
	at := c.emit(i)
	c.node(body)
	c.emit(rxInst{op: rxMatch})
	c.inst[at].x = len(c.inst)
}

func (c *rxCompiler) alternate(subs []*rxNode) {
	var ends []int
	for i, s := range subs {
		if i == len(subs)-1 {
			c.node(s)
			break
		}
		split := c.emit(rxInst{op: rxSplit})
		c.inst[split].x = len(c.inst)
		c.node(s)
		ends = append(ends, c.emit(rxInst{op: rxJump}))
		c.inst[split].y = len(c.inst)
	}
	for _, e := range ends {
		c.inst[e].x = len(c.inst)
	}
}

func (c *rxCompiler) repeat(n *rxNode) {
	if n.possess {
		inner := *n
		inner.possess = false
		c.sub(rxInst{op: rxAtomic}, &inner)
		return
	}
	body := n.subs[0]
	if body.kind == nodeConcat && len(body.subs) == 1 {
		body = body.subs[0]
	}
	if body.kind == nodeSet {
		c.emit(rxInst{op: rxLoop, set: body.set, min: n.min, max: n.max, lazy: n.lazy})
		return
	}
	for i := 0; i < n.min && !c.tooBig; i++ {
		c.node(body)
	}
	if n.max == unlimitedRx {
		c.star(body, n.lazy)
		return
	}
	var splits []int
	for i := n.min; i < n.max && !c.tooBig; i++ {
		splits = append(splits, c.split(n.lazy))
		c.node(body)
	}
	for _, s := range splits {
		c.leave(s, n.lazy)
	}
}

func (c *rxCompiler) star(body *rxNode, lazy bool) {
	split := c.split(lazy)
	c.node(body)
	c.emit(rxInst{op: rxJump, x: split})
	c.leave(split, lazy)
}

// split writes a branch whose preferred side (the other one if lazy) is the next instruction; leave sets the other.
func (c *rxCompiler) split(lazy bool) int {
	at := c.emit(rxInst{op: rxSplit})
	if lazy {
		c.inst[at].y = len(c.inst)
	} else {
		c.inst[at].x = len(c.inst)
	}
	return at
}

func (c *rxCompiler) leave(split int, lazy bool) {
	if lazy {
		c.inst[split].x = len(c.inst)
	} else {
		c.inst[split].y = len(c.inst)
	}
}
