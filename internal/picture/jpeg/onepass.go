package jpeg

// decodeOnePass decodes a sequential file whose single scan has all components:
// each row of MCUs goes through inverse DCT, expansion and colour while it is in
// the cache. Like Pillow it does without the end-of-image marker.
func (d *decoder) decodeOnePass(out *output) error {
	queues := d.frame.queueBlocks()
	for my := range d.frame.mcusY {
		for mx := range d.frame.mcusX {
			ok, err := d.beginMCU()
			if err != nil {
				return err
			}
			d.decodeMCU(mx, ok)
		}
		for _, q := range queues {
			q.flush()
		}
		out.emit(my)
	}
	if d.scan.starved && d.scan.cut {
		return truncated("the last row of blocks")
	}
	return nil
}

// decodeMCU decodes one MCU into the components' bands; without data its blocks
// are grey.
func (d *decoder) decodeMCU(mx int, data bool) {
	s := &d.scan
	for i := range s.n {
		c := s.comps[i]
		side := c.size
		at := c.bandStart() + mx*c.h*side
		for range c.v {
			for x := range c.h {
				if data {
					d.decodeBlock(i, c, at+x*side)
				} else {
					c.flat(at+x*side, 0)
				}
			}
			at += side * c.stride
		}
	}
	if data {
		d.endMCU()
	}
}

// decodeBlock decodes the block of the scan's component i that goes to c.band[at:].
func (d *decoder) decodeBlock(i int, c *component, at int) {
	s := &d.scan
	s.pred[i] = s.dc[i].readDC(&s.bits, s.pred[i])
	dc := int16(s.pred[i])
	if c.size == 1 {
		s.ac[i].skipAC(&s.bits)
		c.flat(at, dc)
		return
	}
	blk := c.queue.block()
	if !s.ac[i].readAC(&s.bits, blk) {
		c.flat(at, dc)
		return
	}
	blk[0] = dc
	c.queue.transform(c, at)
}

// bandStart is the offset in band of the band's own first row.
func (c *component) bandStart() int { return 2 * c.group * c.stride }
