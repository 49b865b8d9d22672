package check

import (
	"image"
	"math"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Sharpness is measured at the face's own edges: lids, irises, brows, nostrils, lips. Blurring an
// edge once more flattens it much if it was sharp and little if it was not, whatever its contrast.
// With s the width of the edge's own blur and s0 that of the second one, both Gaussian,
//
//	R = energy of the slope before / after = sqrt(s² + s0²) / s,  so  s² = s0² / (R² - 1)
//
// After Zhuo and Sim, "Defocus map estimation from a single image", 2011, with energies summed over
// many edges instead of the slope of one. Each of four directions is measured alone and the worst
// counts: a moving hand blurs one direction only.
const (
	reblur      = 1.5    // s0 in pixels
	sharpEyes   = 80     // least distance between the eyes in pixels, where the picture has as many
	edgeShare   = .06    // of the pixels: the steepest slopes are edges
	smoothShare = .4     // of the pixels: the flattest slopes show the noise, which is taken off
	leastBlur   = .3     // in pixels: what seems sharper is noise or sharpening
	mtf50       = .18739 // cycles per pixel * s at which a Gaussian blur leaves half the contrast: sqrt(ln 2 / 2) / pi
)

// sharpness is how fine a pattern on the face keeps half its contrast (MTF50), in line pairs per
// distance between the eyes: it depends neither on the picture's size nor on its contrast.
// ISO/IEC 29794-5: sharpness.
func sharpness(w *work) (float64, bool) {
	eyes := w.Face.EyeDistance()
	factor := max(1, int(eyes/sharpEyes))
	sw, sh := w.Source.Bounds()
	area := sharpArea(w.Face.Mesh).Intersect(image.Rect(0, 0, sw, sh))
	if area.Dx() < 16*factor || area.Dy() < 16*factor {
		return 0, false
	}
	blur := blurOf(luma(w.Source.Reduce(area, factor)))
	return mtf50 / blur * eyes / float64(factor), true
}

// sharpArea is the part of the picture from the brows to the lips.
func sharpArea(mesh []geometry.Point) image.Rectangle {
	lo, hi := geometry.Point{X: math.Inf(1), Y: math.Inf(1)}, geometry.Point{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, i := range []int{70, 105, 334, 300, 33, 263, 61, 291, 17} { // brows, eyes, mouth
		p := mesh[i]
		lo = geometry.Point{X: min(lo.X, p.X), Y: min(lo.Y, p.Y)}
		hi = geometry.Point{X: max(hi.X, p.X), Y: max(hi.Y, p.Y)}
	}
	return image.Rect(int(lo.X), int(lo.Y), int(math.Ceil(hi.X)), int(math.Ceil(hi.Y)))
}

// blurOf returns the Gaussian blur of p's edges in pixels, in the direction where it is worst.
func blurOf(p *resample.Plane) float64 {
	soft := smooth(p, reblur)
	worst := leastBlur
	for _, d := range [4][2]int{{1, 0}, {0, 1}, {1, 1}, {1, -1}} {
		worst = max(worst, blurAlong(p, soft, d[0], d[1]))
	}
	return worst
}

// slopes sums the energy of slopes by how steep they are once blurred.
type slopes [1024]struct {
	n           int
	sharp, soft float64
}

// slopeSteps is how many steps of slopes one full step from black to white has.
const slopeSteps = 2048

// blurAlong measures the edges that lie across direction (dx, dy). soft is p blurred by reblur.
func blurAlong(p, soft *resample.Plane, dx, dy int) float64 {
	var s slopes
	n := 0
	for y := max(0, -dy); y < p.H-max(0, dy); y++ {
		row, step := y*p.W, dy*p.W+dx
		for x := range p.W - dx {
			i := row + x
			a, b := float64(p.Pix[i+step]-p.Pix[i]), float64(soft.Pix[i+step]-soft.Pix[i])
			bin := &s[min(int(math.Abs(b)*slopeSteps), len(s)-1)]
			bin.n++
			bin.sharp += a * a
			bin.soft += b * b
		}
		n += p.W - dx
	}
	noise, softNoise := s.mean(0, 1, int(smoothShare*float64(n)))
	sharp, softer := s.mean(len(s)-1, -1, int(edgeShare*float64(n)))
	ratio := max(1.001, (sharp-noise)/max(softer-softNoise, 1e-9))
	// A difference of neighbours is itself a blur, as wide as they are apart.
	own := float64(dx*dx+dy*dy) / 12
	return math.Sqrt(max(0, reblur*reblur/(ratio*ratio-1)-own))
}

// mean averages over at least count slopes, from bin first on in the given direction.
func (s *slopes) mean(first, direction, count int) (sharp, soft float64) {
	n := 0
	for i := first; i >= 0 && i < len(s) && n < count; i += direction {
		n += s[i].n
		sharp += s[i].sharp
		soft += s[i].soft
	}
	n = max(n, 1)
	return sharp / float64(n), soft / float64(n)
}

// smooth returns p blurred with a Gaussian of sigma pixels; beyond the edge the nearest value counts.
func smooth(p *resample.Plane, sigma float64) *resample.Plane {
	half := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*half+1)
	var sum float32
	for i := range kernel {
		d := float64(i - half)
		kernel[i] = float32(math.Exp(-d * d / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	across := resample.NewPlane(p.W, p.H)
	line := make([]float32, p.W+2*half)
	for y := range p.H {
		row := p.Pix[y*p.W : (y+1)*p.W]
		for x := range line {
			line[x] = row[min(max(x-half, 0), p.W-1)]
		}
		out := across.Pix[y*p.W : (y+1)*p.W]
		for k, weight := range kernel {
			for x, v := range line[k : k+p.W] {
				out[x] += weight * v
			}
		}
	}
	down := resample.NewPlane(p.W, p.H)
	for y := range p.H {
		out := down.Pix[y*p.W : (y+1)*p.W]
		for k, weight := range kernel {
			from := min(max(y+k-half, 0), p.H-1) * p.W
			for x, v := range across.Pix[from : from+p.W] {
				out[x] += weight * v
			}
		}
	}
	return down
}
