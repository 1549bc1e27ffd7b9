package jpeg

import "fmt"

// scan is one pass over the picture's blocks.
type scan struct {
	n      int
	comps  [4]*component
	dc, ac [4]*huffTable // by position in the scan
	pred   [4]int32      // DC predictions

	ss, se, ah, al int // progressive: spectral band, bit positions before and now
	eobRun         int // progressive: blocks still to come without new coefficients

	bits    bitReader
	left    int  // MCUs before the next restart marker
	marker  byte // low 3 bits of the next restart marker
	starved bool // the segment's bits are used up: leave blocks as they are
	cut     bool // the segment was ended by the end of the file, not by a marker
}

// readScanHeader parses the header of a scan and starts it.
func (d *decoder) readScanHeader(seg []byte) error {
	if len(seg) < 1 || len(seg) != 4+2*int(seg[0]) {
		return fmt.Errorf("jpeg: a scan header of %d bytes", len(seg))
	}
	n := int(seg[0])
	if n < 1 || n > len(d.frame.comps) {
		return fmt.Errorf("jpeg: a scan of %d components", n)
	}
	s := &d.scan
	*s = scan{n: n}
	for i := range n {
		if err := d.addToScan(i, seg[1+2*i], seg[2+2*i]); err != nil {
			return err
		}
	}
	if blocks := s.blocksOfMCU(); blocks > 10 {
		return fmt.Errorf("jpeg: a scan with %d blocks in an MCU; at most 10 are allowed", blocks)
	}
	tail := seg[1+2*n:]
	s.ss, s.se, s.ah, s.al = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
	if err := d.checkBand(); err != nil {
		return err
	}
	if err := d.checkTables(); err != nil {
		return err
	}
	s.left = d.restart
	d.nextSegment()
	return nil
}

func (d *decoder) addToScan(i int, id, tables byte) error {
	s := &d.scan
	for j := range d.frame.comps {
		if c := &d.frame.comps[j]; c.id == id && s.comps[i] == nil && !s.has(c) {
			s.comps[i] = c
		}
	}
	c := s.comps[i]
	if c == nil {
		return fmt.Errorf("jpeg: a scan of component %d, which the frame does not have or the scan has already", id)
	}
	if c.quant == nil {
		if c.quantID > 3 || d.quant[c.quantID] == nil {
			return fmt.Errorf("jpeg: quantization table %d is missing", c.quantID)
		}
		c.quant = d.quant[c.quantID]
	}
	if tables>>4 > 3 || tables&15 > 3 {
		return fmt.Errorf("jpeg: a scan names Huffman tables %d and %d", tables>>4, tables&15)
	}
	s.dc[i], s.ac[i] = d.dc[tables>>4], d.ac[tables&15]
	return nil
}

// blocksOfMCU is the number of blocks the scan interleaves.
func (s *scan) blocksOfMCU() int {
	if s.n == 1 {
		return 1
	}
	blocks := 0
	for _, c := range s.comps[:s.n] {
		blocks += c.h * c.v
	}
	return blocks
}

func (s *scan) has(c *component) bool {
	for _, other := range s.comps {
		if other == c {
			return true
		}
	}
	return false
}

// checkBand refuses scans that no progressive file may have.
func (d *decoder) checkBand() error {
	s := &d.scan
	if !d.frame.progressive {
		s.ss, s.se, s.ah, s.al = 0, 63, 0, 0
		return nil
	}
	bad := s.ss > s.se || s.se > 63 || s.ss == 0 && s.se != 0 ||
		s.ss > 0 && s.n != 1 || s.ah != 0 && s.al != s.ah-1 || s.al > 13
	if bad {
		return fmt.Errorf("jpeg: a progressive scan of coefficients %d to %d, bits %d to %d", s.ss, s.se, s.ah, s.al)
	}
	return nil
}

// checkTables refuses scans without the Huffman tables they use.
func (d *decoder) checkTables() error {
	s := &d.scan
	for i := range s.n {
		needDC := s.ss == 0 && s.ah == 0
		if needDC && s.dc[i] == nil || s.se > 0 && s.ac[i] == nil {
			return fmt.Errorf("jpeg: a scan without its Huffman table")
		}
	}
	return nil
}

// nextSegment starts reading the entropy-coded segment at d.pos.
func (d *decoder) nextSegment() {
	s := &d.scan
	n, ok, buf := s.bits.reset(d.data[d.pos:], d.unstuffed)
	d.unstuffed = buf
	d.pos += n
	s.cut, s.starved = !ok, false
}

// beginMCU handles what may precede an MCU: a restart marker, and the end of the
// bits. It returns false if the MCU's blocks are to be left as they are.
func (d *decoder) beginMCU() (bool, error) {
	s := &d.scan
	if d.restart > 0 {
		if s.left == 0 {
			d.restartScan()
		}
		s.left--
	}
	if s.starved && s.cut {
		return false, truncated("the image data")
	}
	return !s.starved, nil
}

// endMCU notices that the segment's bits were used up.
func (d *decoder) endMCU() {
	d.scan.starved = d.scan.bits.over()
}

// restartScan steps over the restart marker at d.pos. If another marker stands
// there it follows libjpeg (jpeg_resync_to_restart): a marker that is only a
// little ahead, or that is no restart marker, is left, so that blocks stay empty
// until their turn comes; others are skipped.
func (d *decoder) restartScan() {
	s := &d.scan
	s.pred, s.eobRun, s.left = [4]int32{}, 0, d.restart
	want := s.marker
	s.marker = (want + 1) & 7
	for {
		m, err := d.next()
		if err != nil {
			d.pos = len(d.data)
			s.bits = bitReader{}
			s.cut, s.starved = true, true
			return
		}
		ahead := (m - want) & 7
		switch {
		case m < mSOF0, m >= mRST0 && m <= mRST7 && (ahead == 6 || ahead == 7):
			continue // not valid, or one of the two before: skip it
		case m < mRST0 || m > mRST7 || ahead == 1 || ahead == 2:
			d.pos -= 2
			s.bits, s.cut = bitReader{}, false
			return
		}
		d.nextSegment()
		return
	}
}
