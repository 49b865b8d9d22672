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
	yy := (y-c.black<<8)*c.y + 1<<23
	cb -= 128 << 8
	cr -= 128 << 8
	return pack(
		clamp8((yy+c.rCr*cr)>>24),
		clamp8((yy-c.gCb*cb-c.gCr*cr)>>24),
		clamp8((yy+c.bCb*cb)>>24))
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
	hx, hy int // luma samples for each chroma sample, across and down
}

func newYCCSource(img *image.YCbCr, conv ycc) *yccSource {
	s := &yccSource{img: img, conv: conv, hx: 1, hy: 1}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		s.hx = 2
	case image.YCbCrSubsampleRatio420:
		s.hx, s.hy = 2, 2
	case image.YCbCrSubsampleRatio440:
		s.hy = 2
	case image.YCbCrSubsampleRatio411:
		s.hx = 4
	case image.YCbCrSubsampleRatio410:
		s.hx, s.hy = 4, 2
	}
	return s
}

// luma and chroma return the samples of a stored row, from its first on.
func (s *yccSource) luma(y int) []byte { return s.img.Y[y*s.img.YStride:] }

func (s *yccSource) chroma(cy int) (cb, cr []byte) {
	return s.img.Cb[cy*s.img.CStride:], s.img.Cr[cy*s.img.CStride:]
}

func (s *yccSource) row(dst []byte, x0, x1, y int) {
	luma := s.luma(y)
	cb, cr := s.chroma(y / s.hy)
	c := &s.conv
	for x := x0; x < x1; {
		cx := x / s.hx
		b, r := int(cb[cx])-128, int(cr[cx])-128
		addR, addG, addB := c.rCr*r+1<<15, 1<<15-c.gCb*b-c.gCr*r, c.bCb*b+1<<15
		end := min((cx+1)*s.hx, x1)
		for _, l := range luma[x:end] {
			yy := (int(l) - c.black) * c.y
			binary.LittleEndian.PutUint32(dst, pack(clamp8((yy+addR)>>16), clamp8((yy+addG)>>16), clamp8((yy+addB)>>16)))
			dst = dst[4:]
		}
		x = end
	}
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
	cx0, cx1 := x0/src.hx, (x1-1)/src.hx+1
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
	for i := range p.sy {
		n := rows * (p.xs[i+1] - p.xs[i])
		v := p.src.conv.average(p.mean.of(p.sy[i], n), p.mean.of(p.scb[i], n), p.mean.of(p.scr[i], n))
		binary.LittleEndian.PutUint32(dst[4*i:], v)
	}
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
		cy := y / p.src.hy
		next := min((cy+1)*p.src.hy, y1)
		cb, cr := p.src.chroma(cy)
		p.cb.add(cb[p.cx0:], uint64(next-y))
		p.cr.add(cr[p.cx0:], uint64(next-y))
		y = next
	}
	p.luma.takePrefix(p.pre)
	for i := range p.sy {
		p.sy[i] += p.pre[p.xs[i+1]-x0] - p.pre[p.xs[i]-x0]
	}
	p.addChroma(&p.cb, p.scb)
	p.addChroma(&p.cr, p.scr)
}

// addChroma takes the sums of a chroma plane. Every luma column counts the chroma sample it lies
// in, so a border within a sample takes its part of it.
func (p *planeSums) addChroma(c *columns, sums []uint64) {
	c.takePrefix(p.pre)
	hx := p.src.hx
	upTo := func(x int) uint64 { // sum over the luma columns before x
		i := x/hx - p.cx0
		s := uint64(hx) * p.pre[i]
		if rest := x % hx; rest != 0 {
			s += uint64(rest) * (p.pre[i+1] - p.pre[i])
		}
		return s
	}
	left := upTo(p.xs[0])
	for i := range sums {
		right := upTo(p.xs[i+1])
		sums[i] += right - left
		left = right
	}
}
