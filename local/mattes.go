package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// matteErr is how far a matte is from the true one.
type matteErr struct {
	File string  `json:"file"`           // of a mean: what it is of
	Code string  `json:"code,omitempty"` // why nothing could be measured
	Of   int     `json:"of,omitzero"`    // pictures, of a mean
	MAD  float64 `json:"mad_e3"`         // mean absolute difference, x 1/1000
	MSE  float64 `json:"mse_e3"`         // mean squared difference, x 1/1000
	Grad float64 `json:"gradient_e3"`    // sum of squared differences of the gradients, x 1000 / pixels
	Soft float64 `json:"soft_e2"`        // MAD in the soft band, x 1/100
	Hair float64 `json:"strands_e2"`     // MAD where the true matte itself is soft, x 1/100
}

// The soft band is where the true matte is neither background nor person (strands and rims) and all
// within softReach pixels of it. Sources seldom say how wide theirs is: this width is the one of
// those tried with which unrefined MODNet comes nearest to the figures that it is quoted with (MAD
// 5.1, soft band 7.1), and so a guess.
const (
	softLow, softHigh = .02, .98
	softReach         = 10
)

// measureMattes compares the matte of each whole picture, and that of the photo where the picture
// gives one: the truth is taken to the photo by the report's transform. A picture that cannot be measured
// is a line that says why.
func measureMattes(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, dir string) (whole, photos []matteErr, err error) {
	pairs, err := mattePairs(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, pair := range pairs {
		picture, photo := measureMatte(ctx, p, s, dir, pair)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		whole = append(whole, picture)
		if photo != nil {
			photos = append(photos, *photo)
		}
	}
	return whole, photos, nil
}

// mattePair names a picture and its true matte.
type mattePair struct{ picture, alpha string }

// mattePairs reads INDEX.csv, or, where there is none, pairs NAME_alpha.png with the pictures whose names
// begin with NAME.
func mattePairs(dir string) ([]mattePair, error) {
	var pairs []mattePair
	rows, err := readCSV(filepath.Join(dir, "INDEX.csv"))
	for _, row := range rows {
		if pair := (mattePair{row.first(fileColumnsOfMattes), row.first(alphaColumns)}); pair.picture != "" && pair.alpha != "" {
			pairs = append(pairs, pair)
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if len(pairs) > 0 {
		return pairs, nil
	}
	files, err := picturesIn(dir)
	if err != nil {
		return nil, err
	}
	const suffix = "_alpha."
	for _, alpha := range files {
		name, _, ok := strings.Cut(alpha, suffix)
		if !ok {
			continue
		}
		for _, f := range files {
			if strings.HasPrefix(f, name) && !strings.Contains(f, suffix) {
				pairs = append(pairs, mattePair{f, alpha})
			}
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("%s: neither INDEX.csv (image, alpha) nor NAME_alpha.png beside pictures of that name", dir)
	}
	return pairs, nil
}

// fileColumnsOfMattes are where INDEX.csv names the picture.
var fileColumnsOfMattes = append([]string{"image", "composite"}, fileColumns...)

// measureMatte measures one picture; photo is nil where it gives none.
func measureMatte(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, dir string, pair mattePair) (whole matteErr, photo *matteErr) {
	whole.File = pair.picture
	data, err := os.ReadFile(locate(dir, pair.picture))
	var truth *resample.Plane
	if err == nil {
		truth, err = readAlpha(locate(dir, pair.alpha))
	}
	if err != nil {
		whole.Code = unreadable
		return whole, nil
	}
	got, err := p.Matte(ctx, data)
	if err != nil {
		whole.Code = codeOf(err)
	} else if got.W != truth.W || got.H != truth.H {
		whole.Code = otherSize
		return whole, nil
	} else {
		whole = compareMattes(pair.picture, got, truth)
	}
	cut, onPhoto, err := photoMatte(ctx, p, s, data, truth)
	if err != nil {
		return whole, nil
	}
	e := compareMattes(pair.picture, cut, onPhoto)
	return whole, &e
}

// codeOf is a refusal's code; internal for what is none.
func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return internal
}

// photoMatte returns the matte of a photo and the true one in the same frame.
func photoMatte(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, data []byte, truth *resample.Plane) (got, want *resample.Plane, err error) {
	transparent, err := spec.ParseBackground("transparent")
	if err != nil {
		return nil, nil, err
	}
	res, err := p.Run(ctx, data, pipeline.Request{Spec: s, Background: transparent}, nil)
	if err != nil {
		return nil, nil, err
	}
	img, err := png.Decode(bytes.NewReader(res.Photo))
	if err != nil {
		return nil, nil, err
	}
	got = resample.NewPlane(s.WidthPx, s.HeightPx)
	for i := range got.Pix {
		_, _, _, a := img.At(i%got.W, i/got.W).RGBA()
		got.Pix[i] = float32(a) / 65535
	}
	// Nine points of the truth for each pixel, so that a finer truth is averaged.
	const n = 3
	toSource := transform(res.Report).Inverse()
	fine := truth.Warp(geometry.Affine{A: 1. / n, E: 1. / n}.Then(toSource), n*got.W, n*got.H)
	want = resample.NewPlane(got.W, got.H)
	for i, v := range fine.Pix {
		want.Pix[i/fine.W/n*want.W+i%fine.W/n] += v / (n * n)
	}
	return got, want, nil
}

// readAlpha reads a true matte: the transparency of a picture that has some, else its brightness.
func readAlpha(path string) (*resample.Plane, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	b := img.Bounds()
	bright, clear := resample.NewPlane(b.Dx(), b.Dy()), resample.NewPlane(b.Dx(), b.Dy())
	opaque := true
	for y := range bright.H {
		for x := range bright.W {
			r, _, _, a := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			bright.Pix[y*bright.W+x], clear.Pix[y*bright.W+x] = float32(r)/65535, float32(a)/65535
			opaque = opaque && a == 65535
		}
	}
	if opaque {
		return bright, nil
	}
	return clear, nil
}

func compareMattes(file string, got, truth *resample.Plane) matteErr {
	strands := make([]bool, len(truth.Pix))
	for i, t := range truth.Pix {
		strands[i] = t > softLow && t < softHigh
	}
	band := within(strands, truth.W, truth.H, softReach)
	var mad, mse, soft, hair mean
	for i, t := range truth.Pix {
		d := math.Abs(float64(got.Pix[i] - t))
		mad.add(d)
		mse.add(d * d)
		if band[i] {
			soft.add(d)
		}
		if strands[i] {
			hair.add(d)
		}
	}
	return matteErr{
		File: file, MAD: 1000 * mad.value(), MSE: 1000 * mse.value(),
		Grad: 1000 * gradientError(got, truth) / float64(len(truth.Pix)),
		Soft: 100 * soft.value(), Hair: 100 * hair.value(),
	}
}

// mean is the mean of what was added; 0 of nothing.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) value() float64 { return m.sum / float64(max(m.n, 1)) }

// within marks the pixels of a w x h picture whose distance to a set one is at most reach.
func within(set []bool, w, h, reach int) []bool {
	// Along rows first: the distance to the nearest set pixel, beyond reach as reach+1.
	near := make([]int, len(set))
	for y := range h {
		row, out := set[y*w:(y+1)*w], near[y*w:(y+1)*w]
		last := reach + 1
		for x, on := range row {
			last = min(last+1, reach+1)
			if on {
				last = 0
			}
			out[x] = last
		}
		last = reach + 1
		for x := w - 1; x >= 0; x-- {
			last = min(last+1, out[x])
			out[x] = last
		}
	}
	all := make([]bool, len(set))
	for y := range h {
		for dy := -min(reach, y); dy <= min(reach, h-1-y); dy++ {
			room := reach*reach - dy*dy
			for x := range w {
				if d := near[(y+dy)*w+x]; d*d <= room {
					all[y*w+x] = true
				}
			}
		}
	}
	return all
}

// gradientError sums the squared differences of the gradients' lengths, by Gaussian derivatives of
// sigma 1.4 (Rhemann et al., "A Perceptually Motivated Online Benchmark for Image Matting", 2009).
func gradientError(got, truth *resample.Plane) float64 {
	g, t := gradient(got), gradient(truth)
	var sum float64
	for i := range g {
		sum += (g[i] - t[i]) * (g[i] - t[i])
	}
	return sum
}

func gradient(p *resample.Plane) []float64 {
	const sigma, reach = 1.4, 4
	var smooth, slope [2*reach + 1]float64
	var total, norm float64
	for i := range smooth {
		x := float64(i - reach)
		smooth[i] = math.Exp(-x * x / (2 * sigma * sigma))
		slope[i] = -x * smooth[i]
		total += smooth[i]
		norm -= x * slope[i]
	}
	convolve := func(src []float64, kernel [2*reach + 1]float64, scale float64, dx, dy int) []float64 {
		out := make([]float64, len(src))
		for y := range p.H {
			for x := range p.W {
				var v float64
				for i, k := range kernel {
					xx := min(max(x+dx*(i-reach), 0), p.W-1)
					yy := min(max(y+dy*(i-reach), 0), p.H-1)
					v += k * src[yy*p.W+xx]
				}
				out[y*p.W+x] = v * scale
			}
		}
		return out
	}
	src := make([]float64, len(p.Pix))
	for i, v := range p.Pix {
		src[i] = float64(v)
	}
	gx := convolve(convolve(src, slope, 1/norm, 1, 0), smooth, 1/total, 0, 1)
	gy := convolve(convolve(src, slope, 1/norm, 0, 1), smooth, 1/total, 1, 0)
	for i := range gx {
		gx[i] = math.Hypot(gx[i], gy[i])
	}
	return gx
}

// printMattes prints the mattes' errors and their means.
func printMattes(out io.Writer, title string, errs []matteErr) {
	fmt.Fprintf(out, "\n%s (soft band: within %d pixels of a soft edge)\n", title, softReach)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "picture\tMAD /1000\tMSE /1000\tgradient /1000\tsoft band /100\tstrands /100\t")
	for _, e := range errs {
		if e.Code != "" {
			fmt.Fprintf(w, "%s\t%s\t\t\t\t\t\n", e.File, e.Code)
			continue
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.3f\t%.2f\t%.2f\t\n", e.File, e.MAD, e.MSE, e.Grad, e.Soft, e.Hair)
	}
	w.Flush()
}

// matteMeans returns the mean of all that could be measured, and that without the pictures whose name
// contains one of the words in without.
func matteMeans(errs []matteErr, without []string) []matteErr {
	var all, some []matteErr
	for _, e := range errs {
		if e.Code != "" {
			continue
		}
		all = append(all, e)
		if !slices.ContainsFunc(without, func(word string) bool { return strings.Contains(e.File, word) }) {
			some = append(some, e)
		}
	}
	means := []matteErr{meanErr(fmt.Sprintf("mean of %d", len(all)), all)}
	if len(some) < len(all) {
		means = append(means, meanErr(fmt.Sprintf("mean of %d, without %s", len(some), strings.Join(without, ", ")), some))
	}
	return means
}

func meanErr(name string, errs []matteErr) matteErr {
	var mad, mse, grad, soft, hair mean
	for _, e := range errs {
		mad.add(e.MAD)
		mse.add(e.MSE)
		grad.add(e.Grad)
		soft.add(e.Soft)
		hair.add(e.Hair)
	}
	return matteErr{File: name, Of: len(errs), MAD: mad.value(), MSE: mse.value(), Grad: grad.value(), Soft: soft.value(), Hair: hair.value()}
}
