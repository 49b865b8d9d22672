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
	wide  []int     // the same in a plane that is rim pixels larger on each side
	index []int32   // of each pixel among the unknown ones; -1 for a known one
	trust []float32 // weight of the network's alpha, for each unknown pixel
	rows  []stencil
}

// rim is how far a stencil reaches.
const rim = 2

// newBand finds the unknown pixels: those that are not sure, and those within reach of one that is
// not sure in the same way. The further from it, the more the network's alpha weighs.
func newBand(alpha *resample.Plane, reach int) *band {
	b := &band{w: alpha.W, h: alpha.H, known: make([]int8, len(alpha.Pix)), index: make([]int32, len(alpha.Pix))}
	for i, v := range alpha.Pix {
		switch {
		case v > sureOpaque:
			b.known[i] = person
		case v >= faintest:
			b.known[i] = unknown
		}
	}
	limit := int32(reach) * straight
	for i, d := range distances(b.known, b.w, b.h) {
		b.index[i] = -1
		if d > limit {
			continue
		}
		b.known[i] = unknown
		b.index[i] = int32(len(b.at))
		b.at = append(b.at, i)
		b.wide = append(b.wide, (i/b.w+rim)*(b.w+2*rim)+i%b.w+rim)
		far := float32(d) / float32(limit)
		b.trust = append(b.trust, trustNear+(trustFar-trustNear)*far*far)
	}
	return b
}

// Steps of a distance, in fifths of a pixel: whole numbers, because their least is found fast.
const (
	straight = 5
	diagonal = 7
)

// distances returns how far each sure pixel is from the nearest that is not sure in the same way, in
// fifths of a pixel, to within 8 %: two passes over the neighbours (Borgefors, "Distance
// transformations in digital images", CVGIP 1986). It is 0 for pixels that are not sure.
func distances(kind []int8, w, h int) []int32 {
	d := make([]int32, len(kind))
	near := func(least int32, k int8, i int, step int32) int32 {
		if kind[i] != k {
			return step
		}
		return min(least, d[i]+step)
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			k := kind[i]
			if k == unknown {
				continue
			}
			least := int32(math.MaxInt32 / 2)
			if x > 0 {
				least = near(least, k, i-1, straight)
			}
			if y > 0 {
				least = min(least, near(least, k, i-w, straight))
				if x > 0 {
					least = min(least, near(least, k, i-w-1, diagonal))
				}
				if x < w-1 {
					least = min(least, near(least, k, i-w+1, diagonal))
				}
			}
			d[i] = least
		}
	}
	for y := h - 1; y >= 0; y-- {
		for x := w - 1; x >= 0; x-- {
			i := y*w + x
			k, least := kind[i], d[i]
			if least <= straight {
				continue
			}
			if x < w-1 {
				least = min(least, near(least, k, i+1, straight))
			}
			if y < h-1 {
				least = min(least, near(least, k, i+w, straight))
				if x > 0 {
					least = min(least, near(least, k, i+w-1, diagonal))
				}
				if x < w-1 {
					least = min(least, near(least, k, i+w+1, diagonal))
				}
			}
			d[i] = least
		}
	}
	return d
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
	const ninth = float32(1) / 9
	var c [9][3]float32 // 0 to 255, less the mean
	var m [3]float32
	k := 0
	for dy := -1; dy <= 1; dy++ {
		p := img.PixOffset(img.Rect.Min.X+cx-1, img.Rect.Min.Y+cy+dy)
		row := img.Pix[p : p+12 : p+12]
		for dx := 0; dx < 12; dx += 4 {
			c[k] = [3]float32{float32(row[dx]), float32(row[dx+1]), float32(row[dx+2])}
			m[0], m[1], m[2] = m[0]+c[k][0], m[1]+c[k][1], m[2]+c[k][2]
			k++
		}
	}
	var s [6]float32 // rr, rg, rb, gg, gb, bb
	for k := range c {
		d := &c[k]
		d[0], d[1], d[2] = d[0]-m[0]*ninth, d[1]-m[1]*ninth, d[2]-m[2]*ninth
		s[0] += d[0] * d[0]
		s[1] += d[0] * d[1]
		s[2] += d[0] * d[2]
		s[3] += d[1] * d[1]
		s[4] += d[1] * d[2]
		s[5] += d[2] * d[2]
	}
	inv := inverse(s) // of nine times the covariance: the pair's ninth is in it
	var rows [9]*stencil
	for k := range rows {
		if i := b.index[(cy+k/3-1)*b.w+cx+k%3-1]; i >= 0 {
			rows[k] = &b.rows[i]
		}
	}
	for i := range 9 {
		d := c[i]
		u := [3]float32{
			inv[0]*d[0] + inv[1]*d[1] + inv[2]*d[2],
			inv[1]*d[0] + inv[3]*d[1] + inv[4]*d[2],
			inv[2]*d[0] + inv[4]*d[1] + inv[5]*d[2],
		}
		ri := rows[i]
		if ri != nil {
			ri[12] += 1 - ninth - u[0]*d[0] - u[1]*d[1] - u[2]*d[2]
		}
		for j := i + 1; j < 9; j++ { // each pair counts for both
			v := -ninth - u[0]*c[j][0] - u[1]*c[j][1] - u[2]*c[j][2]
			to := pairs[i][j]
			if ri != nil {
				ri[to] += v
			}
			if rj := rows[j]; rj != nil {
				rj[24-to] += v
			}
		}
	}
}

// pairs says where, in the stencil of a window's pixel i, its pixel j stands.
var pairs = func() (p [9][9]int) {
	for i := range p {
		for j := range p {
			p[i][j] = (j/3-i/3+2)*5 + j%3 - i%3 + 2
		}
	}
	return p
}()

// inverse returns the inverse of a symmetric 3x3 matrix, the sum over a window of squares of colours
// 0 to 255, with the covariance of noise added: epsilon in every direction, chroma in those across
// grey. It works in float64: windows of one colour are nearly singular.
func inverse(s [6]float32) [6]float32 {
	const own, other = (epsilon + chroma*2/3) * 255 * 255, -chroma / 3 * 255 * 255
	a, b, c := float64(s[0])+own, float64(s[1])+other, float64(s[2])+other
	d, f, g := float64(s[3])+own, float64(s[4])+other, float64(s[5])+own
	x, y, z := d*g-f*f, c*f-b*g, b*f-c*d
	k := 1 / (a*x + b*y + c*z)
	return [6]float32{
		float32(x * k), float32(y * k), float32(z * k),
		float32((a*g - c*c) * k), float32((b*c - a*f) * k), float32((a*d - b*b) * k),
	}
}

// solve improves x, the unknown pixels' alpha, in a number of steps at most. The network's alpha and
// pull, towards 0, draw each of them.
func (b *band) solve(x []float32, alpha *resample.Plane, pull []float32, steps int) {
	n := len(b.at)
	r, z, p, q := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	// Known pixels count on the right side; a plane with the current estimate gives both. It is rim
	// pixels larger on each side, where no window is and so no weight.
	now := make([]float32, (b.w+2*rim)*(b.h+2*rim))
	for y := range b.h {
		row := now[(y+rim)*(b.w+2*rim)+rim:]
		for i, k := range b.known[y*b.w : (y+1)*b.w] {
			row[i] = float32(k)
		}
	}
	for i, at := range b.wide {
		now[at] = x[i]
	}
	b.apply(now, q)
	for i, at := range b.at {
		r[i] = b.trust[i]*(alpha.Pix[at]-x[i]) - pull[i]*x[i] - q[i]
		b.trust[i] += pull[i]
	}
	clear(now)
	var rz, first float64
	for i := range z {
		z[i] = r[i] / (b.rows[i][12] + b.trust[i])
		p[i] = z[i]
		rz += float64(r[i]) * float64(z[i])
	}
	first = rz
	for range steps {
		if rz <= first*tolerance*tolerance || rz == 0 {
			break
		}
		for i, at := range b.wide {
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
}

// apply multiplies the Laplacian's rows with a plane of values that is rim pixels larger on each side.
func (b *band) apply(v, out []float32) {
	w := b.w + 2*rim
	for i, at := range b.wide {
		st := &b.rows[i]
		var sum float32
		for dy := range 5 {
			row := v[at+(dy-2)*w-2:][:5]
			k := st[dy*5:][:5]
			sum += k[0]*row[0] + k[1]*row[1] + k[2]*row[2] + k[3]*row[3] + k[4]*row[4]
		}
		out[i] = sum
	}
}
