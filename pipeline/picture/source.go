package picture

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"

	"idphoto/pipeline/fault"
)

// source reads stored pixels. It holds no state of a read, so several may go on at once.
type source interface {
	// row writes the pixels [x0, x1) of row y to dst as opaque RGBA: 8 bits, laid over white.
	row(dst []byte, x0, x1, y int)
}

// newSource picks the reader for a decoder's picture and checks that it has the size that the
// header promised.
func newSource(img image.Image, h *header) (source, error) {
	b := img.Bounds()
	if b.Dx() != h.width || b.Dy() != h.height {
		return nil, fault.New(fault.Undecodable, fmt.Errorf("%s: header says %d x %d, pixels are %d x %d", h.format, h.width, h.height, b.Dx(), b.Dy()))
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return newYCCSource(m, h.ycc), nil
	case *image.Gray:
		return (*greySource)(m), nil
	case *image.RGBA:
		return (*rgbaSource)(m), nil
	case *image.NRGBA:
		return (*nrgbaSource)(m), nil
	case *image.Paletted:
		return newPaletteSource(m), nil
	case framed:
		return &framedSource{newPaletteSource(m.Paletted), m.Rect}, nil
	case *image.CMYK:
		return (*cmykSource)(m), nil
	case *image.NYCbCrA:
		return &yccAlphaSource{img: m, colour: newYCCSource(&m.YCbCr, h.ycc)}, nil
	case *image.Gray16:
		return (*grey16Source)(m), nil
	case *image.RGBA64:
		return (*rgba64Source)(m), nil
	case *image.NRGBA64:
		return (*nrgba64Source)(m), nil
	}
	return &anySource{img}, nil
}

// overWhite lays a straight value of opacity a over white.
func overWhite(v, a uint32) uint32 { return (v*a + 255*(255-a) + 127) / 255 }

// to8 rounds 16 bits to 8.
func to8(hi, lo byte) uint32 { return (uint32(hi)<<8 | uint32(lo) + 128) / 257 }

type greySource image.Gray

func (s *greySource) row(dst []byte, x0, x1, y int) {
	for i, v := range s.Pix[y*s.Stride:][x0:x1] {
		v := uint32(v)
		binary.LittleEndian.PutUint32(dst[4*i:], pack(v, v, v))
	}
}

// rgbaSource has colours already multiplied by their opacity, as Go's RGBA.
type rgbaSource image.RGBA

func (s *rgbaSource) row(dst []byte, x0, x1, y int) {
	copy(dst, s.Pix[y*s.Stride:][4*x0:4*x1])
	for i := 0; i < 4*(x1-x0); i += 4 {
		p := dst[i : i+4 : i+4]
		if a := p[3]; a != 255 {
			white := 255 - uint32(a)
			v := pack(min(uint32(p[0])+white, 255), min(uint32(p[1])+white, 255), min(uint32(p[2])+white, 255))
			binary.LittleEndian.PutUint32(p, v)
		}
	}
}

type nrgbaSource image.NRGBA

func (s *nrgbaSource) row(dst []byte, x0, x1, y int) {
	copy(dst, s.Pix[y*s.Stride:][4*x0:4*x1])
	for i := 0; i < 4*(x1-x0); i += 4 {
		p := dst[i : i+4 : i+4]
		if a := uint32(p[3]); a != 255 {
			v := pack(overWhite(uint32(p[0]), a), overWhite(uint32(p[1]), a), overWhite(uint32(p[2]), a))
			binary.LittleEndian.PutUint32(p, v)
		}
	}
}

// paletteSource has its colours laid over white beforehand.
type paletteSource struct {
	img     *image.Paletted
	colours [256]uint32
}

func newPaletteSource(m *image.Paletted) *paletteSource {
	s := &paletteSource{img: m}
	for i := range s.colours {
		s.colours[i] = pack(255, 255, 255) // an index without a colour
		if i < len(m.Palette) {
			c := color.NRGBAModel.Convert(m.Palette[i]).(color.NRGBA)
			a := uint32(c.A)
			s.colours[i] = pack(overWhite(uint32(c.R), a), overWhite(uint32(c.G), a), overWhite(uint32(c.B), a))
		}
	}
	return s
}

func (s *paletteSource) row(dst []byte, x0, x1, y int) {
	for i, v := range s.img.Pix[y*s.img.Stride:][x0:x1] {
		binary.LittleEndian.PutUint32(dst[4*i:], s.colours[v])
	}
}

// cmykSource uses the device formula: ink takes light away. Profiles of printing presses are
// tables, which this package does not read.
type cmykSource image.CMYK

func (s *cmykSource) row(dst []byte, x0, x1, y int) {
	src := s.Pix[y*s.Stride:][4*x0 : 4*x1]
	for i := 0; i < len(src); i += 4 {
		p := src[i : i+4 : i+4]
		k := 255 - uint32(p[3])
		ink := func(v byte) uint32 { return ((255-uint32(v))*k + 127) / 255 }
		binary.LittleEndian.PutUint32(dst[i:], pack(ink(p[0]), ink(p[1]), ink(p[2])))
	}
}

// yccAlphaSource is YCbCr with an opacity plane, as lossy WebP stores it.
type yccAlphaSource struct {
	img    *image.NYCbCrA
	colour *yccSource
}

func (s *yccAlphaSource) row(dst []byte, x0, x1, y int) {
	s.colour.row(dst, x0, x1, y)
	for i, a := range s.img.A[y*s.img.AStride:][x0:x1] {
		if a != 255 {
			p, a := dst[4*i:4*i+4], uint32(a)
			v := pack(overWhite(uint32(p[0]), a), overWhite(uint32(p[1]), a), overWhite(uint32(p[2]), a))
			binary.LittleEndian.PutUint32(p, v)
		}
	}
}

type grey16Source image.Gray16

func (s *grey16Source) row(dst []byte, x0, x1, y int) {
	src := s.Pix[y*s.Stride:][2*x0 : 2*x1]
	for i := 0; i < len(src); i += 2 {
		v := to8(src[i], src[i+1])
		binary.LittleEndian.PutUint32(dst[2*i:], pack(v, v, v))
	}
}

// rgba64Source is opaque in every decoder here (16-bit RGB), or multiplied by its opacity.
type rgba64Source image.RGBA64

func (s *rgba64Source) row(dst []byte, x0, x1, y int) {
	src := s.Pix[y*s.Stride:][8*x0 : 8*x1]
	for i := 0; i < len(src); i += 8 {
		p := src[i : i+8 : i+8]
		white := 255 - to8(p[6], p[7])
		v := pack(min(to8(p[0], p[1])+white, 255), min(to8(p[2], p[3])+white, 255), min(to8(p[4], p[5])+white, 255))
		binary.LittleEndian.PutUint32(dst[i/2:], v)
	}
}

type nrgba64Source image.NRGBA64

func (s *nrgba64Source) row(dst []byte, x0, x1, y int) {
	src := s.Pix[y*s.Stride:][8*x0 : 8*x1]
	for i := 0; i < len(src); i += 8 {
		p := src[i : i+8 : i+8]
		a := to8(p[6], p[7])
		v := pack(overWhite(to8(p[0], p[1]), a), overWhite(to8(p[2], p[3]), a), overWhite(to8(p[4], p[5]), a))
		binary.LittleEndian.PutUint32(dst[i/2:], v)
	}
}

// anySource reads whatever a decoder may return that has no reader of its own: slow but right.
type anySource struct{ img image.Image }

func (s *anySource) row(dst []byte, x0, x1, y int) {
	min := s.img.Bounds().Min
	for x := x0; x < x1; x++ {
		c := color.NRGBAModel.Convert(s.img.At(min.X+x, min.Y+y)).(color.NRGBA)
		a := uint32(c.A)
		binary.LittleEndian.PutUint32(dst, pack(overWhite(uint32(c.R), a), overWhite(uint32(c.G), a), overWhite(uint32(c.B), a)))
		dst = dst[4:]
	}
}

// rowSums averages blocks of any source by way of its rows.
type rowSums struct {
	src  source
	xs   []int
	line []byte   // one row as read
	cols columns  // of all bytes of a row
	pre  []uint64 // column sums, not running ones
	sums [][3]uint64
	mean mean
}

func newRowSums(src source, xs []int) *rowSums {
	n := len(xs) - 1
	w := 4 * (xs[n] - xs[0])
	return &rowSums{src: src, xs: xs, line: make([]byte, 4*w), cols: newColumns(w), pre: make([]uint64, prefixLen(w)), sums: make([][3]uint64, n)}
}

func (r *rowSums) average(dst []byte, y0, y1 int) {
	clear(r.sums)
	for y := y0; y < y1; y += maxWeight {
		r.addRows(y, min(y+maxWeight, y1))
	}
	for i, s := range r.sums {
		r.mean.setCount((y1 - y0) * (r.xs[i+1] - r.xs[i]))
		round := func(sum uint64) uint32 { return uint32(min(r.mean.of(sum)+128, 0xffff)) >> 8 }
		binary.LittleEndian.PutUint32(dst[4*i:], pack(round(s[0]), round(s[1]), round(s[2])))
	}
}

// addRows adds at most maxWeight rows, four at a time as columns likes them.
func (r *rowSums) addRows(y0, y1 int) {
	n := len(r.xs) - 1
	w := 4 * (r.xs[n] - r.xs[0])
	y := y0
	for ; y+4 <= y1; y += 4 {
		for k := range 4 {
			r.src.row(r.line[k*w:], r.xs[0], r.xs[n], y+k)
		}
		r.cols.add4(r.line, r.line[w:], r.line[2*w:], r.line[3*w:])
	}
	for ; y < y1; y++ {
		r.src.row(r.line, r.xs[0], r.xs[n], y)
		r.cols.add(r.line, 1)
	}
	r.cols.takeSums(r.pre)
	for i := range r.sums {
		s := &r.sums[i]
		for x := 4 * (r.xs[i] - r.xs[0]); x < 4*(r.xs[i+1]-r.xs[0]); x += 4 {
			s[0] += r.pre[x]
			s[1] += r.pre[x+1]
			s[2] += r.pre[x+2]
		}
	}
}
