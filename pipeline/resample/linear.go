package resample

import (
	"encoding/binary"
	"image"

	"idphoto/pipeline/geometry"
)

// Positions along a row are counted in 1/2^32 pixels, so that steps add up without drifting;
// weights in 1/256, finer than a level of colour.
const (
	fixedBits  = 32
	weightBits = 8
)

func fixed(v float64) int64 { return int64(v * (1 << fixedBits)) }

// linearRow fills row y of a piece with src read between four pixels each. This is where most of
// the time outside the networks goes: it blends two channels at a time in one integer.
func linearRow(row []uint8, src *image.RGBA, m geometry.Affine, y int) {
	sx, sy := start(m, y)
	x, stepX := fixed(sx), fixed(m.A)
	yy, stepY := fixed(sy), fixed(m.D)
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for o := 0; o < len(row); o += 4 {
		x0, y0 := int(x>>fixedBits), int(yy>>fixedBits)
		fx := uint32(x>>(fixedBits-weightBits)) & (1<<weightBits - 1)
		fy := uint32(yy>>(fixedBits-weightBits)) & (1<<weightBits - 1)
		i, right, down := y0*src.Stride+4*x0, 4, src.Stride
		if x0 < 0 || y0 < 0 || x0 >= w-1 || y0 >= h-1 {
			xa, xb, ya, yb := clamp(x0, w), clamp(x0+1, w), clamp(y0, h), clamp(y0+1, h)
			i, right, down = ya*src.Stride+4*xa, 4*(xb-xa), (yb-ya)*src.Stride
		}
		top := mix(load(src.Pix, i), load(src.Pix, i+right), fx)
		bottom := mix(load(src.Pix, i+down), load(src.Pix, i+down+right), fx)
		binary.LittleEndian.PutUint32(row[o:o+4], mix(top, bottom, fy)|0xff<<24)
		x, yy = x+stepX, yy+stepY
	}
}

func load(pix []uint8, i int) uint32 { return binary.LittleEndian.Uint32(pix[i : i+4 : i+4]) }

// mix blends four channels: a at weight 0, b at weight 256. Even and odd bytes go in separate
// integers, where a product of 8 by 8 bits has room.
func mix(a, b, weight uint32) uint32 {
	const even, half = 0x00ff00ff, 0x00800080
	e := ((a&even)*(256-weight) + (b&even)*weight + half) >> 8 & even
	o := ((a>>8&even)*(256-weight) + (b>>8&even)*weight + half) & ^uint32(even)
	return e | o
}
