package jpegdec

// scan is one pass over some components (T.81, B.2.3).
type scan struct {
	*decoder
	bitReader
	comps     []scanComponent
	from, to  int  // the coefficients it is about
	high, low uint // successive approximation: bits known before, and still unknown behind it
	endRun    int  // blocks of which nothing more is told
}

type scanComponent struct {
	*component
	dc, ac *huffman
	mean   int32
}

func (d *decoder) readScan(b []byte) error {
	if d.comps == nil || len(b) < 4 || len(b) != 4+2*int(b[0]) {
		return broken("scan header")
	}
	s := &scan{decoder: d, from: 0, to: 63}
	for i := range int(b[0]) {
		if err := s.use(b[1+2*i], b[2+2*i]); err != nil {
			return err
		}
	}
	if d.progressive {
		p := b[len(b)-3:]
		s.from, s.to, s.high, s.low = int(p[0]), int(p[1]), uint(p[2]>>4), uint(p[2]&15)
		if s.from > s.to || s.to > 63 || s.from == 0 && s.to != 0 || s.from > 0 && len(s.comps) > 1 || s.low > 13 || s.high > 0 && s.high != s.low+1 {
			return broken("scan of coefficients %d to %d, bits %d to %d", s.from, s.to, s.high, s.low)
		}
	}
	for _, c := range s.comps {
		if s.from == 0 && s.high == 0 && c.dc == nil || s.to > 0 && c.ac == nil || d.quant[c.quant] == nil {
			return broken("scan without its tables")
		}
	}
	d.allocate()
	s.bitReader = bitReader{data: d.data, pos: d.pos}
	err := s.run()
	d.pos = s.bitReader.pos
	return err
}

// use adds the component of an id with its tables.
func (s *scan) use(id, tables byte) error {
	if tables>>4 > 3 || tables&15 > 3 {
		return broken("scan with Huffman tables %#x", tables)
	}
	for i := range s.decoder.comps {
		c := &s.decoder.comps[i]
		if c.id != id {
			continue
		}
		for _, other := range s.comps {
			if other.component == c {
				return broken("scan with a component twice")
			}
		}
		s.comps = append(s.comps, scanComponent{component: c, dc: s.huff[0][tables>>4], ac: s.huff[1][tables&15]})
		return nil
	}
	return broken("scan of an unknown component")
}

// run reads all units of the scan: of one component its blocks, of several some of each.
func (s *scan) run() error {
	if len(s.comps) == 0 {
		return broken("scan of nothing")
	}
	across, down := s.unitsX, s.unitsY
	if len(s.comps) == 1 {
		// Blocks beyond the picture's edge are not told.
		c, y := s.comps[0], &s.decoder.comps[0]
		across = (s.width*c.h + 8*y.h - 1) / (8 * y.h)
		down = (s.height*c.v + 8*y.v - 1) / (8 * y.v)
	}
	left, restarts := s.interval, 0
	for y := range down {
		for x := range across {
			if s.interval > 0 {
				if left == 0 {
					if !s.restart(restarts) {
						return broken("scan without restart marker %d", restarts)
					}
					left, s.endRun = s.interval, 0
					restarts++
					for i := range s.comps {
						s.comps[i].mean = 0
					}
				}
				left--
			}
			if !s.unit(x, y) {
				return broken("scan with codes that mean nothing")
			}
		}
		if s.short() {
			return broken("scan that is too short")
		}
	}
	return nil
}

func (s *scan) unit(x, y int) bool {
	if len(s.comps) == 1 {
		return s.block(&s.comps[0], x, y)
	}
	for i := range s.comps {
		c := &s.comps[i]
		for v := range c.v {
			for h := range c.h {
				if !s.block(c, x*c.h+h, y*c.v+v) {
					return false
				}
			}
		}
	}
	return true
}

// block reads block (x, y) of c.
func (s *scan) block(c *scanComponent, x, y int) bool {
	if !s.progressive {
		var b coefs
		if !s.baseline(c, &b, s.quant[c.quant]) {
			return false
		}
		b.samples(c.pix[8*y*c.stride+8*x:], c.stride)
		return true
	}
	b := (*[64]int16)(c.coefs[64*(y*c.across+x):])
	switch {
	case s.from > 0 && s.high == 0:
		return s.firstBits(c.ac, b)
	case s.from > 0:
		return s.moreBits(c.ac, b)
	case s.high > 0:
		b[0] |= int16(s.bits(1) << s.low)
		return true
	}
	if !s.nextMean(c) {
		return false
	}
	b[0] = int16(c.mean << s.low)
	return true
}

// nextMean reads the difference of a block's mean from that before (T.81, F.2.2.1).
func (s *scan) nextMean(c *scanComponent) bool {
	n, ok := s.symbol(c.dc)
	if !ok || n > 15 {
		return false
	}
	c.mean += s.extended(int(n))
	return true
}

// baseline reads all of a block (T.81, F.2.2.2).
func (s *scan) baseline(c *scanComponent, b *coefs, quant *[64]int32) bool {
	if !s.nextMean(c) {
		return false
	}
	b.set(0, c.mean*quant[0])
	r, ac := &s.bitReader, c.ac
	for k := 1; k < 64; k++ {
		if r.n < 32 {
			r.fill()
		}
		next := r.held >> (64 - lookBits)
		if e := ac.value[next]; e != 0 {
			r.skip(int(e & 0xff))
			if k += int(e >> 8 & 0xff); k > 63 {
				break // as other decoders have it
			}
			at := natural[k&63]
			b.set(at, (e>>16)*quant[at&63])
			continue
		}
		symbol := byte(ac.look[next] >> 8)
		if length := int(ac.look[next] & 0xff); length > 0 {
			r.skip(length)
		} else {
			var ok bool
			if symbol, length, ok = ac.long(uint32(r.held >> 48)); !ok {
				return false
			}
			r.skip(length)
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run != 15 {
				if run != 0 {
					return false // a run of blocks, which only progressive files have
				}
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			break
		}
		at := natural[k&63]
		b.set(at, r.extended(size)*quant[at&63])
	}
	return true
}

// firstBits reads the first bits of some coefficients of a block (T.81, G.1.2.2).
func (s *scan) firstBits(ac *huffman, b *[64]int16) bool {
	if s.endRun > 0 {
		s.endRun--
		return true
	}
	for k := s.from; k <= s.to; k++ {
		symbol, ok := s.symbol(ac)
		if !ok {
			return false
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run != 15 {
				s.endRun = 1<<run - 1 + int(s.bits(run))
				return true
			}
			k += 15
			continue
		}
		if k += run; k > s.to {
			return true
		}
		b[natural[k&63]] = int16(s.extended(size) << s.low)
	}
	return true
}

// moreBits reads one more bit of some coefficients of a block (T.81, G.1.2.3): of each that is not
// zero so far, and the first bit of those that are no longer.
func (s *scan) moreBits(ac *huffman, b *[64]int16) bool {
	bit := int16(1) << s.low
	k := s.from
	if s.endRun == 0 {
		for k <= s.to {
			symbol, ok := s.symbol(ac)
			if !ok {
				return false
			}
			run, size := int(symbol>>4), int(symbol&15)
			var fresh int16
			switch {
			case size == 1:
				fresh = -bit
				if s.bits(1) == 1 {
					fresh = bit
				}
			case size > 1:
				return false
			case run != 15:
				s.endRun = 1<<run + int(s.bits(run))
			}
			if s.endRun > 0 {
				break
			}
			// run zeros are passed by, and one more takes the new value, if there is one.
			k = s.refine(b, k, run, bit)
			if fresh != 0 {
				if k > s.to {
					return false
				}
				b[natural[k&63]] = fresh
			}
			k++
		}
	}
	if s.endRun > 0 {
		s.endRun--
		s.refine(b, k, 64, bit)
	}
	return true
}

// refine reads a bit for each coefficient from k on that is not zero, until it has passed so many
// zeros by, and returns where the next zero is.
func (s *scan) refine(b *[64]int16, k, zeros int, bit int16) int {
	for ; k <= s.to; k++ {
		v := &b[natural[k&63]]
		if *v == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if s.bits(1) == 0 {
			continue
		}
		if *v > 0 {
			*v += bit
		} else {
			*v -= bit
		}
	}
	return k
}
