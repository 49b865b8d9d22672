package check

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// each returns the subject with f applied to every pixel, at its position in the source.
func each(s *Subject, f func(at geometry.Point, rgb [3]float64) [3]float64) *Subject {
	img := pixels(s)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			p := img.Pix[y*img.Stride+4*x:]
			rgb := f(geometry.Point{X: float64(x) + .5, Y: float64(y) + .5}, [3]float64{float64(p[0]), float64(p[1]), float64(p[2])})
			for c, v := range rgb {
				p[c] = uint8(min(max(v+.5, 0), 255))
			}
		}
	}
	return with(s, img)
}

// toned applies a curve of 0..1 to every channel.
func toned(s *Subject, curve func(float64) float64) *Subject {
	return each(s, func(_ geometry.Point, rgb [3]float64) [3]float64 {
		for c, v := range rgb {
			rgb[c] = 255 * curve(v/255)
		}
		return rgb
	})
}

// blurred applies a Gaussian of these widths, in distances between the eyes.
func blurred(s *Subject, x, y float64) *Subject {
	img, eyes := pixels(s), s.Face.EyeDistance()
	blurRows(img, x*eyes)
	turned := transposed(img)
	blurRows(turned, y*eyes)
	return with(s, transposed(turned))
}

func blurRows(img *image.RGBA, sigma float64) {
	half := int(math.Ceil(3 * sigma))
	if half == 0 {
		return
	}
	kernel, sum := make([]float64, 2*half+1), 0.
	for i := range kernel {
		d := float64(i - half)
		kernel[i] = math.Exp(-d * d / (2 * sigma * sigma))
		sum += kernel[i]
	}
	w := img.Rect.Dx()
	old := make([]uint8, 4*w)
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		copy(old, row)
		for i := range row {
			x, c, v := i/4, i%4, 0.
			for k, weight := range kernel {
				v += weight * float64(old[4*min(max(x+k-half, 0), w-1)+c])
			}
			row[i] = uint8(v/sum + .5)
		}
	}
}

func transposed(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dy(), img.Rect.Dx()))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetRGBA(y, x, img.RGBAAt(x, y))
		}
	}
	return out
}

// noisy adds Gaussian noise of sigma levels.
func noisy(s *Subject, sigma float64) *Subject {
	rnd := rand.New(rand.NewPCG(1, 2))
	return each(s, func(_ geometry.Point, rgb [3]float64) [3]float64 {
		for c := range rgb {
			rgb[c] += sigma * rnd.NormFloat64()
		}
		return rgb
	})
}

// recompressed saves the picture as a JPEG and reads it again.
func recompressed(t testing.TB, s *Subject, quality int) *Subject {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, pixels(s), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out := with(s, decoded(t, buf.Bytes()))
	out.File = buf.Bytes()
	return out
}

// enlarged makes a thumbnail whose eyes are that many pixels apart, and enlarges it to the old size.
func enlarged(s *Subject, eyes float64) *Subject {
	factor := int(math.Round(s.Face.EyeDistance() / eyes))
	w, h := s.Source.Bounds()
	small := still{s.Source.Reduce(image.Rect(0, 0, w, h), factor)}
	f := 1 / float64(factor)
	return with(s, resample.Sample(small, geometry.Affine{A: f, E: f}, w, h, resample.Cubic))
}

// onWall puts the person before a wall whose colour depends on the position, in distances between the
// eyes from the point between them.
func onWall(s *Subject, colour func(at geometry.Point) [3]float64) *Subject {
	mid, eyes := s.Face.EyeMid(), s.Face.EyeDistance()
	w, h := s.Source.Bounds()
	alpha := s.Alpha.Warp(s.ToAlpha, w, h)
	return each(s, func(at geometry.Point, rgb [3]float64) [3]float64 {
		a := float64(alpha.At(int(at.X), int(at.Y)))
		back := colour(geometry.Point{X: (at.X - mid.X) / eyes, Y: (at.Y - mid.Y) / eyes})
		for c := range rgb {
			rgb[c] = a*rgb[c] + (1-a)*back[c]
		}
		return rgb
	})
}

// halfShaded dims what lies to one side of the nose (-1 left, 1 right) by a factor of light.
func halfShaded(s *Subject, side, light float64) *Subject {
	toFace := geometry.Similarity(s.Face.EyeDistance(), s.Face.Roll, s.Face.EyeMid()).Inverse()
	return each(s, func(at geometry.Point, rgb [3]float64) [3]float64 {
		dark := 1 / (1 + math.Exp(-side*toFace.Apply(at).X/.04))
		for c, v := range rgb { // light is linear, pixels go with about its power of 1/2.2
			rgb[c] = v * math.Pow(1-dark*(1-light), 1/2.2)
		}
		return rgb
	})
}

// redEyed paints a red disc in each iris.
func redEyed(s *Subject, share float64) *Subject {
	return each(s, func(at geometry.Point, rgb [3]float64) [3]float64 {
		for i, eye := range s.Face.Eyes {
			if at.Dist(eye) < share*s.Face.IrisRadius[i] {
				return [3]float64{190, 40, 35}
			}
		}
		return rgb
	})
}

// tinted multiplies the channels.
func tinted(s *Subject, by [3]float64) *Subject {
	return each(s, func(_ geometry.Point, rgb [3]float64) [3]float64 {
		for c := range rgb {
			rgb[c] *= by[c]
		}
		return rgb
	})
}

func greyscale(s *Subject) *Subject {
	return each(s, func(_ geometry.Point, rgb [3]float64) [3]float64 {
		v := .299*rgb[0] + .587*rgb[1] + .114*rgb[2]
		return [3]float64{v, v, v}
	})
}

// scaled enlarges the picture with the landmarks.
func scaled(s *Subject, by float64) *Subject {
	w, h := s.Source.Bounds()
	shrink := geometry.Affine{A: 1 / by, E: 1 / by}
	f := *s.Face
	grow := shrink.Inverse()
	f.Eyes = [2]geometry.Point{grow.Apply(f.Eyes[0]), grow.Apply(f.Eyes[1])}
	f.Mesh = make([]geometry.Point, len(s.Face.Mesh))
	for i, p := range s.Face.Mesh {
		f.Mesh[i] = grow.Apply(p)
	}
	out := with(s, resample.Sample(s.Source, shrink, int(by*float64(w)), int(by*float64(h)), resample.Cubic))
	out.Face = &f
	return out
}
