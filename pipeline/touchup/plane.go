package touchup

import "idphoto/pipeline/resample"

// blur averages p over windows of 2r+1 pixels, twice in each direction, which is close to a Gaussian
// of standard deviation sqrt(2 r(r+1)/3). At the edges the window is what lies inside. p stays.
func blur(p *resample.Plane, r int) *resample.Plane {
	out := resample.NewPlane(p.W, p.H)
	copy(out.Pix, p.Pix)
	if r < 1 {
		return out
	}
	line, sums := make([]float32, max(p.W, p.H)), make([]float64, max(p.W, p.H)+1)
	for y := range p.H {
		row := out.Pix[y*p.W : (y+1)*p.W]
		boxLine(row, 1, line[:p.W], sums, r)
	}
	for x := range p.W {
		boxLine(out.Pix[x:], p.W, line[:p.H], sums, r)
	}
	return out
}

// boxLine averages one line, whose values are step apart, twice.
func boxLine(v []float32, step int, line []float32, sums []float64, r int) {
	n := len(line)
	for i := range line {
		line[i] = v[i*step]
	}
	for range 2 {
		for i, x := range line {
			sums[i+1] = sums[i] + float64(x)
		}
		for i := range line {
			lo, hi := max(i-r, 0), min(i+r+1, n)
			line[i] = float32((sums[hi] - sums[lo]) / float64(hi-lo))
		}
	}
	for i, x := range line {
		v[i*step] = x
	}
}

// blurWithin averages p over what mask covers only, so that nothing from beyond it leaks in.
func blurWithin(p, mask *resample.Plane, r int) *resample.Plane {
	weighted := resample.NewPlane(p.W, p.H)
	for i, m := range mask.Pix {
		weighted.Pix[i] = m * p.Pix[i]
	}
	out, total := blur(weighted, r), blur(mask, r)
	for i, t := range total.Pix {
		if t < 1e-4 {
			out.Pix[i] = p.Pix[i]
			continue
		}
		out.Pix[i] /= t
	}
	return out
}

// guided smooths p where it varies by less than about the root of eps and keeps stronger edges: the
// guided filter with p as its own guide (He, Sun, Tang, "Guided Image Filtering", ECCV 2010).
func guided(p *resample.Plane, r int, eps float32) *resample.Plane {
	square := resample.NewPlane(p.W, p.H)
	for i, v := range p.Pix {
		square.Pix[i] = v * v
	}
	mean, meanSquare := blur(p, r), blur(square, r)
	slope, offset := square, meanSquare
	for i, m := range mean.Pix {
		variance := max(meanSquare.Pix[i]-m*m, 0)
		a := variance / (variance + eps)
		slope.Pix[i], offset.Pix[i] = a, (1-a)*m
	}
	slope, offset = blur(slope, r), blur(offset, r)
	for i, v := range p.Pix {
		offset.Pix[i] += slope.Pix[i] * v
	}
	return offset
}

func clamp01(v float32) float32 { return min(max(v, 0), 1) }
