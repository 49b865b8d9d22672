// Package jpegdec decodes the JPEGs that cameras and programs write: baseline and progressive,
// coded by Huffman's method, grey or YCbCr (ITU-T T.81).
//
// It takes a third to a half of the time of image/jpeg, and for the coefficients of a progressive file
// half the memory, since it keeps them in 16 bits. Samples are within a level of image/jpeg's. What it
// does not read is ErrUnsupported, before anything is allocated: image/jpeg reads more.
package jpegdec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// ErrUnsupported is returned for files of four components, and for colours sampled in unusual ways.
var ErrUnsupported = errors.New("jpegdec: not of the kinds that are decoded here")

// errBroken is returned for what no decoder can read.
var errBroken = errors.New("jpegdec: broken file")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errBroken, fmt.Sprintf(format, args...))
}

// Markers (T.81, table B.1).
const (
	markSOF0 = 0xc0
	markSOF1 = 0xc1
	markSOF2 = 0xc2
	markDHT  = 0xc4
	markRST0 = 0xd0
	markRST7 = 0xd7
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markDQT  = 0xdb
	markDRI  = 0xdd
)

// component is one channel.
type component struct {
	id     byte
	h, v   int // blocks of it in a unit, across and down
	quant  int // its quantisation table
	across int // blocks in a row, padded to whole units
	pix    []byte
	stride int

	coefs []int16 // of a progressive file: 64 of each block, in natural order
}

type decoder struct {
	data []byte
	pos  int

	width, height  int
	progressive    bool
	comps          []component
	unitsX, unitsY int
	quant          [4]*[64]int32 // natural order
	huff           [2][4]*huffman
	interval       int // units between restart markers; 0: none
	img            image.Image
}

// Decode decodes the picture in data, a *image.Gray or *image.YCbCr. Three components are taken for
// YCbCr. Memory is allocated as the frame's header says: the caller knows the size and agrees.
func Decode(data []byte) (image.Image, error) {
	d := &decoder{data: data}
	for {
		mark, body, err := d.segment()
		if err != nil {
			return nil, err
		}
		switch mark {
		case markEOI:
			if d.img == nil {
				return nil, broken("no scan")
			}
			d.reconstruct()
			return d.img, nil
		case markDQT:
			err = d.readQuant(body)
		case markDHT:
			err = d.readHuffman(body)
		case markSOF0, markSOF1, markSOF2:
			err = d.readFrame(body, mark == markSOF2)
		case markDRI:
			if len(body) != 2 {
				return nil, broken("restart interval of %d bytes", len(body))
			}
			d.interval = int(binary.BigEndian.Uint16(body))
		case markSOS:
			err = d.readScan(body)
		}
		if err != nil {
			return nil, err
		}
	}
}

// segment returns the next marker and what belongs to it. Bytes between segments are skipped.
func (d *decoder) segment() (mark byte, body []byte, err error) {
	for {
		for d.pos < len(d.data) && d.data[d.pos] != 0xff {
			d.pos++
		}
		for d.pos < len(d.data) && d.data[d.pos] == 0xff {
			d.pos++
		}
		if d.pos >= len(d.data) {
			return 0, nil, broken("no end marker")
		}
		mark = d.data[d.pos]
		d.pos++
		switch {
		case mark == 0 || mark == 1 || mark == markSOI || markRST0 <= mark && mark <= markRST7:
			continue
		case mark == markEOI:
			return mark, nil, nil
		}
		rest := d.data[d.pos:]
		if len(rest) < 2 {
			return 0, nil, broken("segment %#x is cut", mark)
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n < 2 || n > len(rest) {
			return 0, nil, broken("segment %#x of %d bytes", mark, n)
		}
		d.pos += n
		return mark, rest[2:n], nil
	}
}

func (d *decoder) readQuant(b []byte) error {
	for len(b) > 0 {
		wide, id := b[0]>>4, b[0]&15
		size := 64 << wide
		if wide > 1 || id > 3 || len(b) < 1+size {
			return broken("quantisation table")
		}
		q := new([64]int32)
		for k, at := range natural {
			if wide == 0 {
				q[at] = int32(b[1+k])
			} else {
				q[at] = int32(binary.BigEndian.Uint16(b[1+2*k:]))
			}
		}
		d.quant[id] = q
		b = b[1+size:]
	}
	return nil
}

// readFrame reads the frame's header (T.81, B.2.2).
func (d *decoder) readFrame(b []byte, progressive bool) error {
	if d.comps != nil || len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return broken("frame header")
	}
	d.progressive = progressive
	d.height, d.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if b[0] != 8 || b[5] != 1 && b[5] != 3 {
		return ErrUnsupported
	}
	if d.width == 0 || d.height == 0 {
		return broken("%d x %d pixels", d.width, d.height)
	}
	comps := make([]component, b[5])
	for i := range comps {
		f := b[6+3*i:]
		comps[i] = component{id: f[0], h: int(f[1] >> 4), v: int(f[1] & 15), quant: int(f[2])}
		if f[2] > 3 {
			return broken("quantisation table %d", f[2])
		}
	}
	if len(comps) == 1 {
		comps[0].h, comps[0].v = 1, 1 // one component is not interleaved with any
	} else if _, ok := ratios[[2]int{comps[0].h, comps[0].v}]; !ok || comps[1].h != 1 || comps[1].v != 1 || comps[2].h != 1 || comps[2].v != 1 {
		return ErrUnsupported
	}
	d.comps = comps
	d.unitsX = (d.width + 8*comps[0].h - 1) / (8 * comps[0].h)
	d.unitsY = (d.height + 8*comps[0].v - 1) / (8 * comps[0].v)
	for i := range comps {
		comps[i].across = comps[i].h * d.unitsX
	}
	return nil
}

// ratios are Go's names of how many samples of brightness there are to one of colour.
var ratios = map[[2]int]image.YCbCrSubsampleRatio{
	{1, 1}: image.YCbCrSubsampleRatio444, {1, 2}: image.YCbCrSubsampleRatio440,
	{2, 1}: image.YCbCrSubsampleRatio422, {2, 2}: image.YCbCrSubsampleRatio420,
	{4, 1}: image.YCbCrSubsampleRatio411, {4, 2}: image.YCbCrSubsampleRatio410,
}

// allocate makes the picture, padded to whole units, when the first scan begins.
func (d *decoder) allocate() {
	if d.img != nil {
		return
	}
	y := &d.comps[0]
	padded, visible := image.Rect(0, 0, 8*y.across, 8*y.v*d.unitsY), image.Rect(0, 0, d.width, d.height)
	if len(d.comps) == 1 {
		m := image.NewGray(padded)
		y.pix, y.stride = m.Pix, m.Stride
		d.img = m.SubImage(visible)
	} else {
		m := image.NewYCbCr(padded, ratios[[2]int{y.h, y.v}])
		y.pix, y.stride = m.Y, m.YStride
		d.comps[1].pix, d.comps[1].stride = m.Cb, m.CStride
		d.comps[2].pix, d.comps[2].stride = m.Cr, m.CStride
		d.img = m.SubImage(visible)
	}
	if d.progressive {
		for i := range d.comps {
			c := &d.comps[i]
			c.coefs = make([]int16, 64*c.across*c.v*d.unitsY)
		}
	}
}

// reconstruct makes a progressive picture's samples from its coefficients.
func (d *decoder) reconstruct() {
	if !d.progressive {
		return
	}
	var b coefs
	for i := range d.comps {
		c := &d.comps[i]
		quant := d.quant[c.quant]
		if quant == nil {
			continue
		}
		for k := 0; k < len(c.coefs); k += 64 {
			b.dequantise((*[64]int16)(c.coefs[k:]), quant)
			at := k / 64
			b.samples(c.pix[8*(at/c.across)*c.stride+8*(at%c.across):], c.stride)
		}
		c.coefs = nil
	}
}

// natural lists, in zigzag order, where a coefficient stands in its block (T.81, figure A.6).
var natural = func() (order [64]uint8) {
	k := 0
	for sum := range 15 { // of row and column; diagonals go up and down in turn
		for i := range sum + 1 {
			row, col := i, sum-i
			if sum%2 == 0 {
				row, col = col, row
			}
			if row < 8 && col < 8 {
				order[k] = uint8(8*row + col)
				k++
			}
		}
	}
	return order
}()
