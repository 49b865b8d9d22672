package matte

import (
	"image"
	"math"

	"idphoto/pipeline/resample"
)

// What is known of a pixel's alpha.
const (
	background int8 = 0
	person     int8 = 1
	unknown    int8 = -1
)

// stencil is a pixel's row of the matting Laplacian: its weights to the 5x5 pixels around it.
type stencil [25]float32

// band is the pixels to solve for, and their equations.
type band struct {
	w, h  int
	known []int8
	at    []int     // index of each unknown pixel
	index []int32   // of each pixel among the unknown ones; -1 for a known one
	trust []float32 // weight of the network's alpha, for each unknown pixel
	rows  []stencil
}

// newBand finds the unknown pixels: those that are not sure, and those within reach of one that is
// not sure in the same way. The further from it, the more the network's alpha weighs: where colours
// cannot tell (dark hair before a dark wall) the outline is the network's, not the band's edge.
func newBand(alpha *resample.Plane, reach int) *band {
	b := &band{w: alpha.W, h: alpha.H, known: make([]int8, len(alpha.Pix)), index: make([]int32, len(alpha.Pix))}
	inside := distances(alpha, func(v float32) bool { return v <= sureOpaque })
	outside := distances(alpha, func(v float32) bool { return v >= sureClear })
	limit := int32(reach) * straight
	for i := range b.known {
		b.index[i] = -1
		switch {
		case inside[i] > limit:
			b.known[i] = person
		case outside[i] > limit:
			b.known[i] = background
		default:
			b.known[i] = unknown
			b.index[i] = int32(len(b.at))
			b.at = append(b.at, i)
			far := float32(max(inside[i], outside[i])) / float32(limit)
			b.trust = append(b.trust, trustNear+(trustFar-trustNear)*far*far)
		}
	}
	return b
}

// Steps of a distance, in fifths of a pixel: whole numbers, because their least is found fast.
const (
	straight = 5
	diagonal = 7
)

// distances returns each pixel's distance to the nearest one that is hit, in fifths of a pixel, to
// within 8 %: two passes over the neighbours (Borgefors, "Distance transformations in digital
// images", CVGIP 1986).
func distances(alpha *resample.Plane, hit func(float32) bool) []int32 {
	w, h := alpha.W, alpha.H
	// A border of far pixels saves asking whether a neighbour is there.
	stride := w + 2
	d := make([]int32, stride*(h+2))
	for i := range d {
		d[i] = math.MaxInt32 / 2
	}
	for y := range h {
		row, above := d[(y+1)*stride:(y+2)*stride], d[y*stride:(y+1)*stride]
		for x, v := range alpha.Pix[y*w : (y+1)*w] {
			if hit(v) {
				row[x+1] = 0
				continue
			}
			row[x+1] = min(row[x]+straight, above[x]+diagonal, above[x+1]+straight, above[x+2]+diagonal)
		}
	}
	out := make([]int32, w*h)
	for y := h - 1; y >= 0; y-- {
		row, below := d[(y+1)*stride:(y+2)*stride], d[(y+2)*stride:(y+3)*stride]
		for x := w; x >= 1; x-- {
			row[x] = min(row[x], row[x+1]+straight, below[x+1]+diagonal, below[x]+straight, below[x-1]+diagonal)
		}
		copy(out[y*w:(y+1)*w], row[1:])
	}
	return out
}

// windows adds the equations of every 3x3 window that holds an unknown pixel.
func (b *band) windows(img *image.RGBA) {
	b.rows = make([]stencil, len(b.at))
	for y := 1; y < b.h-1; y++ {
		for x := 1; x < b.w-1; x++ {
			if b.touches(x, y) {
				b.window(img, x, y)
			}
		}
	}
}

func (b *band) touches(x, y int) bool {
	for dy := -1; dy <= 1; dy++ {
		i := (y+dy)*b.w + x
		if b.index[i-1] >= 0 || b.index[i] >= 0 || b.index[i+1] >= 0 {
			return true
		}
	}
	return false
}

// window adds the equations of the window around (cx, cy): for each pair i, j of its nine pixels
// the weight d(i,j) - (1 + (ci-m)' S^-1 (cj-m)) / 9, with colours c, their mean m and their
// covariance S.
func (b *band) window(img *image.RGBA, cx, cy int) {
	var c [9][3]float32
	var m [3]float32
	k := 0
	for dy := -1; dy <= 1; dy++ {
		p := img.PixOffset(img.Rect.Min.X+cx-1, img.Rect.Min.Y+cy+dy)
		for dx := 0; dx < 12; dx += 4 {
			for ch := range 3 {
				v := float32(img.Pix[p+dx+ch]) / 255
				c[k][ch] = v
				m[ch] += v / 9
			}
			k++
		}
	}
	var s [6]float32 // rr, rg, rb, gg, gb, bb
	for k := range c {
		for ch := range 3 {
			c[k][ch] -= m[ch]
		}
		d := &c[k]
		s[0] += d[0] * d[0] / 9
		s[1] += d[0] * d[1] / 9
		s[2] += d[0] * d[2] / 9
		s[3] += d[1] * d[1] / 9
		s[4] += d[1] * d[2] / 9
		s[5] += d[2] * d[2] / 9
	}
	inv := inverse(s)
	for i := range 9 {
		x, y := cx+i%3-1, cy+i/3-1
		row := b.index[y*b.w+x]
		if row < 0 {
			continue
		}
		d := c[i]
		u := [3]float32{
			inv[0]*d[0] + inv[1]*d[1] + inv[2]*d[2],
			inv[1]*d[0] + inv[3]*d[1] + inv[4]*d[2],
			inv[2]*d[0] + inv[4]*d[1] + inv[5]*d[2],
		}
		st := &b.rows[row]
		for j := range 9 {
			v := -(1 + u[0]*c[j][0] + u[1]*c[j][1] + u[2]*c[j][2]) / 9
			if i == j {
				v++
			}
			st[(j/3-i/3+2)*5+j%3-i%3+2] += v
		}
	}
}

// inverse returns the inverse of a symmetric 3x3 matrix with epsilon/9 added to its diagonal. It
// works in float64: windows of one colour are nearly singular.
func inverse(s [6]float32) [6]float32 {
	const e = epsilon / 9
	a, b, c, d, f, g := float64(s[0])+e, float64(s[1]), float64(s[2]), float64(s[3])+e, float64(s[4]), float64(s[5])+e
	x, y, z := d*g-f*f, c*f-b*g, b*f-c*d
	det := a*x + b*y + c*z
	return [6]float32{
		float32(x / det), float32(y / det), float32(z / det),
		float32((a*g - c*c) / det), float32((b*c - a*f) / det), float32((a*d - b*b) / det),
	}
}

// solve returns the unknown pixels' alpha.
func (b *band) solve(alpha *resample.Plane) []float32 {
	n := len(b.at)
	x, r, z, p, q := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	// Known pixels count on the right side; a plane with the current estimate gives both.
	now := make([]float32, len(b.known))
	for i, k := range b.known {
		now[i] = float32(k)
		if k == unknown {
			now[i] = alpha.Pix[i]
		}
	}
	for i, at := range b.at {
		x[i] = alpha.Pix[at]
	}
	b.apply(now, q)
	for i := range r { // the pull to the network's alpha is 0 at the start, which is that alpha
		r[i] = -q[i]
	}
	clear(now)
	var rz, first float64
	for i := range z {
		z[i] = r[i] / (b.rows[i][12] + b.trust[i])
		p[i] = z[i]
		rz += float64(r[i]) * float64(z[i])
	}
	first = rz
	for range iterations {
		if rz <= first*tolerance*tolerance || rz == 0 {
			break
		}
		for i, at := range b.at {
			now[at] = p[i]
		}
		b.apply(now, q)
		var pq float64
		for i := range q {
			q[i] += b.trust[i] * p[i]
			pq += float64(p[i]) * float64(q[i])
		}
		step := float32(rz / pq)
		var next float64
		for i := range x {
			x[i] += step * p[i]
			r[i] -= step * q[i]
			z[i] = r[i] / (b.rows[i][12] + b.trust[i])
			next += float64(r[i]) * float64(z[i])
		}
		turn := float32(next / rz)
		rz = next
		for i := range p {
			p[i] = z[i] + turn*p[i]
		}
	}
	return x
}

// apply multiplies the Laplacian's rows with a plane of values. Pixels beyond the picture have no
// weight.
func (b *band) apply(v, out []float32) {
	for i, at := range b.at {
		x, y := at%b.w, at/b.w
		st := &b.rows[i]
		var sum float32
		if x >= 2 && y >= 2 && x < b.w-2 && y < b.h-2 {
			for dy := range 5 {
				row := v[at+(dy-2)*b.w-2 : at+(dy-2)*b.w+3]
				w := st[dy*5 : dy*5+5]
				sum += w[0]*row[0] + w[1]*row[1] + w[2]*row[2] + w[3]*row[3] + w[4]*row[4]
			}
		} else {
			for k, w := range st {
				px, py := x+k%5-2, y+k/5-2
				if px >= 0 && py >= 0 && px < b.w && py < b.h {
					sum += w * v[py*b.w+px]
				}
			}
		}
		out[i] = sum
	}
}
