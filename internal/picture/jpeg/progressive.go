package jpeg

import "fmt"

// decodeScans decodes a file in which the coefficients come in several scans:
// all scans into memory, then band by band to the output.
func (d *decoder) decodeScans(out *output) error {
	f := &d.frame
	for i := range f.comps {
		c := &f.comps[i]
		c.coefs = make([][64]int16, c.strideX*c.strideY)
	}
	limit := maxScans(f.blocks())
	for {
		if d.scans++; d.scans > limit {
			return fmt.Errorf("jpeg: more than %d scans for %dx%d pixels", limit, f.width, f.height)
		}
		if err := d.decodeScan(); err != nil {
			return err
		}
		more, err := d.nextScan()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return d.transformAll(out)
}

// maxScans bounds a hostile file's work. Encoders write about 10 scans; 64
// coefficients of 4 components are 256.
func maxScans(blocks int) int {
	return min(1000, 100+(4<<20)/blocks)
}

// decodeScan reads the scan's coefficients.
func (d *decoder) decodeScan() error {
	if s := &d.scan; s.n == 1 {
		c := s.comps[0]
		return d.walk(c.blocksX, c.blocksY, func(x, y int) {
			d.addBlock(0, &c.coefs[y*c.strideX+x])
		})
	}
	return d.walk(d.frame.mcusX, d.frame.mcusY, d.addMCU)
}

// walk calls visit for each MCU that has data.
func (d *decoder) walk(nx, ny int, visit func(x, y int)) error {
	for y := range ny {
		for x := range nx {
			ok, err := d.beginMCU()
			if err != nil {
				return err
			}
			if ok {
				visit(x, y)
				d.endMCU()
			} else if d.restart == 0 {
				return nil
			}
		}
	}
	return nil
}

// addMCU adds the scan's bits to the blocks of one MCU of several components.
func (d *decoder) addMCU(mx, my int) {
	s := &d.scan
	for i := range s.n {
		c := s.comps[i]
		for y := range c.v {
			at := (my*c.v+y)*c.strideX + mx*c.h
			for x := range c.h {
				d.addBlock(i, &c.coefs[at+x])
			}
		}
	}
}

// addBlock adds the scan's bits to a block of the scan's component i.
func (d *decoder) addBlock(i int, blk *[64]int16) {
	s := &d.scan
	switch {
	case !d.frame.progressive:
		s.pred[i] = s.dc[i].readDC(&s.bits, s.pred[i])
		*blk = [64]int16{int16(s.pred[i])}
		s.ac[i].readAC(&s.bits, blk)
	case s.ss == 0 && s.ah == 0:
		s.pred[i] = s.dc[i].readDC(&s.bits, s.pred[i])
		blk[0] = int16(s.pred[i] << s.al)
	case s.ss == 0:
		blk[0] |= int16(s.bits.bit()) << s.al
	case s.ah == 0:
		s.firstAC(blk)
	default:
		s.refineAC(blk)
	}
}

// firstAC decodes the band's coefficients, high bits first.
func (s *scan) firstAC(blk *[64]int16) {
	if s.eobRun > 0 {
		s.eobRun--
		return
	}
	t, r := s.ac[0], &s.bits
	for k := s.ss; k <= s.se; k++ {
		r.need()
		e := t.look[r.acc>>(64-lookBits)]
		if v := int16(e >> 16); v != 0 {
			k += int(e>>8&255) - 1
			blk[zigzag[k&127]&63] = v << s.al
			r.skip(uint(e & 63))
			continue
		}
		symbol := t.symbol(r)
		run, size := int(symbol>>4), uint(symbol&15)
		if size == 0 {
			if run < 15 {
				s.eobRun = s.readEOBRun(run) - 1
				return
			}
			k += 15
			continue
		}
		k += run
		blk[zigzag[k&127]&63] = int16(extend(r.take(size), size) << s.al)
	}
}

// readEOBRun is the number of blocks, from this one on, that end here.
func (s *scan) readEOBRun(bits int) int {
	n := 1 << bits
	if bits > 0 {
		s.bits.need()
		n += int(s.bits.take(uint(bits)))
	}
	return n
}

// refineAC adds one bit to the band's coefficients and the newly nonzero ones
// (T.81 section G.1.2.3).
func (s *scan) refineAC(blk *[64]int16) {
	t, r := s.ac[0], &s.bits
	k, plus := s.ss, int16(1)<<s.al
	for s.eobRun == 0 && k <= s.se {
		r.need()
		symbol := t.symbol(r)
		run, fresh := int(symbol>>4), int16(0)
		if symbol&15 != 0 {
			fresh = -plus
			if r.bit() == 1 {
				fresh = plus
			}
		} else if run < 15 {
			s.eobRun = s.readEOBRun(run)
			break
		}
		k = s.refineRun(blk, k, run, plus)
		if fresh != 0 {
			blk[zigzag[k&127]&63] = fresh
		}
		k++
	}
	if s.eobRun > 0 {
		s.refineRun(blk, k, 64, plus)
		s.eobRun--
	}
}

// refineRun reads a correction bit for each nonzero coefficient from k on, until
// it has passed run zero ones and stands on the next, or the band ends. It
// returns that position.
func (s *scan) refineRun(blk *[64]int16, k, run int, plus int16) int {
	for ; k <= s.se; k++ {
		p := &blk[zigzag[k&127]&63]
		if *p == 0 {
			if run--; run < 0 {
				break
			}
			continue
		}
		if s.bits.bit() == 1 && *p&plus == 0 {
			if *p >= 0 {
				*p += plus
			} else {
				*p -= plus
			}
		}
	}
	return k
}

// transformAll sends the coefficients through the inverse DCT to the output.
func (d *decoder) transformAll(out *output) error {
	f := &d.frame
	for i := range f.comps {
		if f.comps[i].quant == nil {
			return fmt.Errorf("jpeg: no scan holds component %d", f.comps[i].id)
		}
	}
	for my := range f.mcusY {
		for i := range f.comps {
			f.comps[i].transformBand(my)
		}
		out.emit(my)
	}
	return nil
}

// transformBand transforms the component's blocks in row my of MCUs. The last
// band may lack rows of blocks, which nothing shows.
func (c *component) transformBand(my int) {
	at := c.bandStart()
	for y := my * c.v; y < min((my+1)*c.v, c.blocksY); y++ {
		row := c.coefs[y*c.strideX : (y+1)*c.strideX]
		c.transformRow(row, at)
		at += c.size * c.stride
	}
}

// transformRow transforms a row of blocks to c.band[at:].
func (c *component) transformRow(row [][64]int16, at int) {
	x := 0
	for ; x+1 < len(row); x += 2 {
		transformTwo(&row[x], &row[x+1], c, c, at+x*c.size, at+(x+1)*c.size)
	}
	if x < len(row) {
		transformOne(&row[x], c, at+x*c.size)
	}
}
