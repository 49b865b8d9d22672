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
	"text/tabwriter"

	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// matteErr is how far a matte is from the true one.
type matteErr struct {
	File string  `json:"file"`
	MAD  float64 `json:"mad_e3"`      // mean absolute difference, x 1/1000
	MSE  float64 `json:"mse_e3"`      // mean squared difference, x 1/1000
	Grad float64 `json:"gradient_e3"` // sum of squared differences of the gradients, x 1000 / pixels
	Soft float64 `json:"soft_e2"`     // MAD where the true matte is soft, x 1/100
}

// soft is the range of true values that count as soft: strands and rims.
const softLow, softHigh = .02, .98

// measureMattes compares the matte of each whole picture, and that of the photo where the picture
// gives one: the truth is taken to the photo by the report's transform.
func measureMattes(ctx context.Context, p *pipeline.Pipeline, s *spec.Spec, dir string) (whole, photos []matteErr, err error) {
	rows, err := readCSV(filepath.Join(dir, "INDEX.csv"))
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		truth, err := readAlpha(filepath.Join(dir, row["alpha"]))
		if err != nil {
			return nil, nil, err
		}
		data, err := os.ReadFile(filepath.Join(dir, row["image"]))
		if err != nil {
			return nil, nil, err
		}
		got, err := p.Matte(ctx, data)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", row["image"], err)
		}
		if got.W != truth.W || got.H != truth.H {
			return nil, nil, fmt.Errorf("%s is %dx%d, its matte %dx%d", row["image"], got.W, got.H, truth.W, truth.H)
		}
		whole = append(whole, compareMattes(row["image"], got, truth))

		cut, onPhoto, err := photoMatte(ctx, p, s, data, truth)
		if _, rejected := errors.AsType[*fault.Error](err); rejected {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", row["image"], err)
		}
		photos = append(photos, compareMattes(row["image"], cut, onPhoto))
	}
	return whole, photos, nil
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
	a := resample.NewPlane(b.Dx(), b.Dy())
	for y := range a.H {
		for x := range a.W {
			r, _, _, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			a.Pix[y*a.W+x] = float32(r) / 65535
		}
	}
	return a, nil
}

func compareMattes(file string, got, truth *resample.Plane) matteErr {
	var mad, mse, soft float64
	var softPixels int
	for i, t := range truth.Pix {
		d := math.Abs(float64(got.Pix[i] - t))
		mad += d
		mse += d * d
		if t > softLow && t < softHigh {
			soft += d
			softPixels++
		}
	}
	n := float64(len(truth.Pix))
	e := matteErr{File: file, MAD: 1000 * mad / n, MSE: 1000 * mse / n, Grad: 1000 * gradientError(got, truth) / n}
	if softPixels > 0 {
		e.Soft = 100 * soft / float64(softPixels)
	}
	return e
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

func printMattes(out io.Writer, title string, errs []matteErr) {
	fmt.Fprintf(out, "\n%s\n", title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "picture\tMAD /1000\tMSE /1000\tgradient /1000\tsoft band /100\t")
	var mean matteErr
	for _, e := range errs {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", e.File, e.MAD, e.MSE, e.Grad, e.Soft)
		n := float64(len(errs))
		mean.MAD, mean.MSE, mean.Grad, mean.Soft = mean.MAD+e.MAD/n, mean.MSE+e.MSE/n, mean.Grad+e.Grad/n, mean.Soft+e.Soft/n
	}
	fmt.Fprintf(w, "mean of %d\t%.2f\t%.2f\t%.2f\t%.2f\t\n", len(errs), mean.MAD, mean.MSE, mean.Grad, mean.Soft)
	w.Flush()
}
