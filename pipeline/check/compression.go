package check

import (
	"encoding/binary"
	"image"
	"math"
)

// jpegQuality estimates the quality, 1 to 100 in the sense of the IJG's encoder, at which a JPEG
// file was written, from its table of luma. Pictures that were saved again show more than the last
// file says: see blockiness. Below 20, where the steps end at 255, it is up to 8 too high.
func jpegQuality(w *work) (float64, bool) {
	sum := lumaTableSum(w.File)
	if sum == 0 {
		return 0, false
	}
	// The IJG scales ITU-T T.81's table K.1, whose steps add up to 3688, by 50/q below quality 50
	// and by 2 - q/50 from there on.
	scale := float64(sum) / 3688
	q := 100 - 50*scale
	if scale > 1 {
		q = 50 / scale
	}
	return min(max(q, 1), 100), true
}

// lumaTableSum adds up the steps of quantisation table 0 of a JPEG file, the one of luma in nearly
// all; 0 when data is none.
func lumaTableSum(data []byte) int {
	const dqt, sos = 0xdb, 0xda
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return 0
	}
	for pos := 2; pos+4 <= len(data) && data[pos] == 0xff; {
		mark := data[pos+1]
		if mark == 0xff { // fill
			pos++
			continue
		}
		end := pos + 2 + int(binary.BigEndian.Uint16(data[pos+2:]))
		if mark == sos || end > len(data) || end < pos+4 {
			return 0
		}
		if mark == dqt {
			if sum := tableSum(data[pos+4 : end]); sum > 0 {
				return sum
			}
		}
		pos = end
	}
	return 0
}

// tableSum adds up table 0 of a DQT segment's body (ITU-T T.81, B.2.4.1); 0 when it is not there.
func tableSum(body []byte) int {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 * (1 + wide)
		if wide > 1 || len(body) < 1+size {
			return 0
		}
		if id == 0 {
			sum := 0
			for i := 0; i < size; i += 1 + wide {
				v := int(body[1+i])
				if wide == 1 {
					v = v<<8 | int(body[2+i])
				}
				sum += v
			}
			return sum
		}
		body = body[1+size:]
	}
	return 0
}

// blockSide is the side of JPEG's blocks; blockArea that of the part of the face looked at.
const (
	blockSide = 8
	blockArea = 256
)

// blockiness is by how many levels (of 255) neighbours differ more across the borders of JPEG's
// blocks than within them; less where the photo is smaller than the picture and shows less of it. It
// finds the blocks of a picture that was cropped or saved again, not of one that was scaled.
// ISO/IEC 29794-5: compression artefacts.
func blockiness(w *work) (float64, bool) {
	c := w.Face.Center()
	sw, sh := w.Source.Bounds()
	area := image.Rect(int(c.X)-blockArea/2, int(c.Y)-blockArea/2, int(c.X)+blockArea/2, int(c.Y)+blockArea/2).
		Intersect(image.Rect(0, 0, sw, sh))
	if area.Dx() < 8*blockSide || area.Dy() < 8*blockSide {
		return 0, false
	}
	across, down := blockSteps(w.Source.Reduce(area, 1))
	seen := 1.
	if w.Upscale > 0 {
		seen = min(1, w.Upscale)
	}
	return seen * min(excess(across), excess(down)), true
}

// blockSteps averages the steps between neighbours along and across rows, by their place in a block.
func blockSteps(img *image.RGBA) (across, down [blockSide]float64) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	row, above := make([]int, w), make([]int, w)
	for y := range h {
		for x := range w {
			p := img.Pix[y*img.Stride+4*x:]
			row[x] = (77*int(p[0]) + 150*int(p[1]) + 29*int(p[2])) >> 8
			if x > 0 {
				across[x%blockSide] += step(row[x], row[x-1])
			}
			if y > 0 {
				down[y%blockSide] += step(row[x], above[x])
			}
		}
		row, above = above, row
	}
	for i := range blockSide {
		across[i] *= blockSide / float64(w*h)
		down[i] *= blockSide / float64(w*h)
	}
	return across, down
}

// step is the difference of two neighbours, bounded so that the picture's own edges do not count for
// more than blocks.
func step(a, b int) float64 { return min(math.Abs(float64(a-b)), 24) }

// excess is by how much the largest of the steps exceeds the mean of the others.
func excess(steps [blockSide]float64) float64 {
	total, top := 0., 0.
	for _, s := range steps {
		total += s
		top = max(top, s)
	}
	return top - (total-top)/(blockSide-1)
}
