package picture

import (
	"encoding/binary"
	"image"
)

// ycc turns YCbCr into RGB. Factors have 16 bits behind the point.
type ycc struct {
	black              int // luma of black: 0, or 16 in video range
	y                  int // factor of luma
	rCr, gCb, gCr, bCb int
}

// newYCC makes the conversion from the weights of red and blue in luma, in full or video range
// (luma 16-235, chroma 16-240; ITU-R BT.601 and BT.709).
func newYCC(kr, kb float64, full bool) ycc {
	kg := 1 - kr - kb
	c := ycc{y: 1 << 16}
	chroma := 1.0
	if !full {
		c.black, c.y = 16, fixed16(255.0/219)
		chroma = 255.0 / 224
	}
	c.rCr = fixed16(2 * (1 - kr) * chroma)
	c.bCb = fixed16(2 * (1 - kb) * chroma)
	c.gCr = fixed16(2 * (1 - kr) * kr / kg * chroma)
	c.gCb = fixed16(2 * (1 - kb) * kb / kg * chroma)
	return c
}

func fixed16(v float64) int { return int(v*(1<<16) + 0.5) }

var (
	jfif  = newYCC(0.299, 0.114, true)  // JPEG
	bt601 = newYCC(0.299, 0.114, false) // WebP
)

// average converts averages that have 8 bits behind the point.
func (c *ycc) average(y, cb, cr int) uint32 {
	base := (y-c.black<<8)*c.y + 1<<23
	cb -= 128 << 8
	cr -= 128 << 8
	r, g, b := (base+c.rCr*cr)>>24, (base-c.gCb*cb-c.gCr*cr)>>24, (base+c.bCb*cb)>>24
	if uint(r|g|b) > 255 {
		return pack(clamp8(r), clamp8(g), clamp8(b))
	}
	return pack(uint32(r), uint32(g), uint32(b))
}

// pack makes an opaque pixel in the byte order of image.RGBA, to be stored little-endian.
func pack(r, g, b uint32) uint32 { return r | g<<8 | b<<16 | 0xff<<24 }

func clamp8(v int) uint32 {
	if uint(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint32(v)
}

// yccSource reads planar YCbCr in any of Go's subsamplings.
type yccSource struct {
	img    *image.YCbCr
	conv   ycc
	sx, sy uint // a chroma sample has 1<<sx luma samples across and 1<<sy down
}

func newYCCSource(img *image.YCbCr, conv ycc) *yccSource {
	s := &yccSource{img: img, conv: conv}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		s.sx = 1
	case image.YCbCrSubsampleRatio420:
		s.sx, s.sy = 1, 1
	case image.YCbCrSubsampleRatio440:
		s.sy = 1
	case image.YCbCrSubsampleRatio411:
		s.sx = 2
	case image.YCbCrSubsampleRatio410:
		s.sx, s.sy = 2, 1
	}
	return s
}

// luma and chroma return the samples of a stored row, from its first on.
func (s *yccSource) luma(y int) []byte { return s.img.Y[y*s.img.YStride:] }

func (s *yccSource) chroma(cy int) (cb, cr []byte) {
	return s.img.Cb[cy*s.img.CStride:], s.img.Cr[cy*s.img.CStride:]
}

func (s *yccSource) row(dst []byte, x0, x1, y int) {
	luma := s.luma(y)[x0:x1]
	cb, cr := s.chroma(y >> s.sy)
	cb, cr = cb[x0>>s.sx:], cr[x0>>s.sx:]
	across := 1 << s.sx
	dst = dst[:4*len(luma)]
	// The first chroma sample may have begun before x0.
	head := min(-x0&(across-1), len(luma))
	if head > 0 {
		s.conv.run(dst, luma[:head], cb[0], cr[0])
		dst, luma, cb, cr = dst[4*head:], luma[head:], cb[1:], cr[1:]
	}
	if across == 2 {
		pairs := len(luma) / 2
		s.conv.pairs(dst, luma[:2*pairs], cb, cr)
		dst, luma, cb, cr = dst[8*pairs:], luma[2*pairs:], cb[pairs:], cr[pairs:]
	}
	for len(luma) > 0 {
		n := min(across, len(luma))
		s.conv.run(dst, luma[:n], cb[0], cr[0])
		dst, luma, cb, cr = dst[4*n:], luma[n:], cb[1:], cr[1:]
	}
}

// run converts the luma samples that share one chroma sample.
func (c *ycc) run(dst, luma []byte, cb, cr byte) {
	r, g, b := c.offsets(cb, cr)
	for i, l := range luma {
		binary.LittleEndian.PutUint32(dst[4*i:], pixel(int(l)*c.y, r, g, b))
	}
}

// pairs is run for two luma samples with each chroma sample: what nearly all photos have.
func (c *ycc) pairs(dst, luma, cb, cr []byte) {
	n := len(luma) / 2
	cb, cr, luma, dst = cb[:n], cr[:n], luma[:2*n], dst[:8*n]
	for i := range cb {
		r, g, b := c.offsets(cb[i], cr[i])
		left := pixel(int(luma[2*i])*c.y, r, g, b)
		right := pixel(int(luma[2*i+1])*c.y, r, g, b)
		binary.LittleEndian.PutUint64(dst[8*i:], uint64(left)|uint64(right)<<32)
	}
}

// offsets is what a chroma sample adds to red, green and blue, with one half for rounding.
func (c *ycc) offsets(cb, cr byte) (r, g, b int) {
	u, v := int(cb)-128, int(cr)-128
	base := 1<<15 - c.black*c.y
	return base + c.rCr*v, base - c.gCb*u - c.gCr*v, base + c.bCb*u
}

// pixel adds luma to the offsets; one test finds the few colours outside the range.
func pixel(luma, r, g, b int) uint32 {
	r, g, b = (luma+r)>>16, (luma+g)>>16, (luma+b)>>16
	if uint(r|g|b) > 255 {
		return pack(clamp8(r), clamp8(g), clamp8(b))
	}
	return pack(uint32(r), uint32(g), uint32(b))
}

// planeSums averages blocks of a YCbCr picture plane by plane, and converts only the averages.
type planeSums struct {
	src          *yccSource
	xs           []int
	cx0          int // first chroma column
	luma, cb, cr columns
	pre          []uint64
	sy, scb, scr []uint64 // sums of the blocks
	mean         mean
}

func newPlaneSums(src *yccSource, xs []int) *planeSums {
	n := len(xs) - 1
	x0, x1 := xs[0], xs[n]
	cx0, cx1 := x0>>src.sx, (x1-1)>>src.sx+1
	return &planeSums{
		src: src, xs: xs, cx0: cx0,
		luma: newColumns(x1 - x0), cb: newColumns(cx1 - cx0), cr: newColumns(cx1 - cx0),
		pre: make([]uint64, prefixLen(x1-x0)),
		sy:  make([]uint64, n), scb: make([]uint64, n), scr: make([]uint64, n),
	}
}

func (p *planeSums) average(dst []byte, y0, y1 int) {
	clear(p.sy)
	clear(p.scb)
	clear(p.scr)
	for y := y0; y < y1; y += maxWeight {
		p.addRows(y, min(y+maxWeight, y1))
	}
	rows := y1 - y0
	sy, conv, mean, left := p.sy, p.src.conv, p.mean, p.xs[0]
	scb, scr, dst := p.scb[:len(sy)], p.scr[:len(sy)], dst[:4*len(sy)]
	for i, right := range p.xs[1:] {
		mean.setCount(rows * (right - left))
		v := conv.average(mean.of(sy[i]), mean.of(scb[i]), mean.of(scr[i]))
		binary.LittleEndian.PutUint32(dst[4*i:], v)
		left = right
	}
	p.mean = mean
}

// addRows adds at most maxWeight rows to the sums of the blocks.
func (p *planeSums) addRows(y0, y1 int) {
	x0 := p.xs[0]
	y := y0
	for ; y+4 <= y1; y += 4 {
		p.luma.add4(p.src.luma(y)[x0:], p.src.luma(y + 1)[x0:], p.src.luma(y + 2)[x0:], p.src.luma(y + 3)[x0:])
	}
	for ; y < y1; y++ {
		p.luma.add(p.src.luma(y)[x0:], 1)
	}
	for y := y0; y < y1; {
		cy := y >> p.src.sy
		next := min((cy+1)<<p.src.sy, y1)
		cb, cr := p.src.chroma(cy)
		p.cb.add(cb[p.cx0:], uint64(next-y))
		p.cr.add(cr[p.cx0:], uint64(next-y))
		y = next
	}
	p.luma.takePrefix(p.pre)
	left := uint64(0)
	for i, x := range p.xs[1:] {
		right := p.pre[x-x0]
		p.sy[i] += right - left
		left = right
	}
	p.addChroma(&p.cb, p.scb)
	p.addChroma(&p.cr, p.scr)
}

// addChroma takes the sums of a chroma plane. Every luma column counts the chroma sample it lies
// in, so a border within a sample takes its part of it.
func (p *planeSums) addChroma(c *columns, sums []uint64) {
	c.takePrefix(p.pre)
	pre, sx, cx0 := p.pre, p.src.sx, p.cx0
	mask := 1<<sx - 1
	upTo := func(x int) uint64 { // sum over the luma columns before x
		i := x>>sx - cx0
		s := pre[i] << sx
		if rest := x & mask; rest != 0 {
			s += uint64(rest) * (pre[i+1] - pre[i])
		}
		return s
	}
	left := upTo(p.xs[0])
	for i, x := range p.xs[1:] {
		right := upTo(x)
		sums[i] += right - left
		left = right
	}
}
