// Package face finds faces (CenterFace) and measures one (MediaPipe's face mesh and iris).
//
// All positions are in upright source pixels; "left" and "right" are as seen in the picture.
package face

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"idphoto/models"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Box is one detected face.
type Box struct {
	Min, Max  geometry.Point    // about forehead to chin, ear to ear
	Score     float64           // 0.5 to 1
	Landmarks [5]geometry.Point // left eye, right eye, nose, left and right corner of the mouth
}

// Center returns the box's middle.
func (b Box) Center() geometry.Point { return b.Min.Mid(b.Max) }

// Size returns the box's longer side.
func (b Box) Size() float64 { return max(b.Max.X-b.Min.X, b.Max.Y-b.Min.Y) }

// LongSide is the picture size at which faces are looked for. At 480 single portraits give one
// face each; larger inputs split large faces.
const LongSide = 480

const (
	minScore   = 0.5
	maxOverlap = 0.3 // intersection over union above which the weaker of two boxes goes
)

// Finder holds the networks. Its methods may be called from many goroutines.
type Finder struct {
	detector, mesh, iris *models.Session
}

// Open opens the networks in rt, which outlives the Finder.
func Open(rt *models.Runtime) (*Finder, error) {
	var f Finder
	var err error
	for name, s := range map[string]**models.Session{
		models.CenterFace: &f.detector, models.FaceLandmark: &f.mesh, models.IrisLandmark: &f.iris,
	} {
		if *s, err = rt.Session(name); err != nil {
			return nil, err
		}
	}
	return &f, nil
}

// Detect returns the faces in the picture, best first.
func (f *Finder) Detect(ctx context.Context, src resample.Source) ([]Box, error) {
	return f.DetectAt(ctx, src, LongSide)
}

// DetectAt is Detect at another picture size than LongSide: a larger one finds smaller faces, and
// splits or loses large ones.
func (f *Finder) DetectAt(ctx context.Context, src resample.Source, longSide int) ([]Box, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	img, scale := thumbnail(src, longSide)
	w, h := roundUp(img.Rect.Dx(), 32), roundUp(img.Rect.Dy(), 32)
	in := models.Float32(1, 3, int64(h), int64(w))
	fill(in.Data, img, w, h)
	out, err := f.detector.Run(in)
	if err != nil {
		return nil, err
	}
	if len(out) != 4 {
		return nil, fmt.Errorf("face detector gave %d outputs, want 4", len(out))
	}
	return suppress(decode(out, w/4, h/4, 1/scale)), nil
}

// thumbnail returns the picture with a long side of longSide (smaller pictures are enlarged, since
// the network knows faces of a certain size) and by how much it was scaled.
func thumbnail(src resample.Source, longSide int) (*image.RGBA, float64) {
	w, h := src.Bounds()
	scale := float64(longSide) / float64(max(w, h))
	tw, th := max(1, int(math.Round(float64(w)*scale))), max(1, int(math.Round(float64(h)*scale)))
	return resample.Sample(src, geometry.Affine{A: 1 / scale, E: 1 / scale}, tw, th, resample.Linear), scale
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// fill writes img into planes of w x h, padded with black.
func fill(planes []float32, img *image.RGBA, w, h int) {
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:]
		for x := range img.Rect.Dx() {
			i := y*w + x
			planes[i] = float32(row[4*x])
			planes[w*h+i] = float32(row[4*x+1])
			planes[2*w*h+i] = float32(row[4*x+2])
		}
	}
}

// decode turns CenterFace's maps (heat, log size, offset, landmarks; one value per 4 pixels) into
// boxes. Source: CenterFace (Xu et al., 2019), section 3.
func decode(maps []models.Tensor, w, h int, toSource float64) []Box {
	heat, size, offset, marks := maps[0].Data, maps[1].Data, maps[2].Data, maps[3].Data
	n := w * h
	var boxes []Box
	for i, score := range heat[:n] {
		if score <= minScore {
			continue
		}
		x, y := float64(i%w), float64(i/w)
		bh, bw := 4*math.Exp(float64(size[i])), 4*math.Exp(float64(size[n+i]))
		x0 := 4*(x+float64(offset[n+i])+.5) - bw/2
		y0 := 4*(y+float64(offset[i])+.5) - bh/2
		b := Box{Min: point(x0, y0, toSource), Max: point(x0+bw, y0+bh, toSource), Score: float64(score)}
		for j := range b.Landmarks {
			b.Landmarks[j] = point(x0+float64(marks[(2*j+1)*n+i])*bw, y0+float64(marks[2*j*n+i])*bh, toSource)
		}
		boxes = append(boxes, b)
	}
	return boxes
}

func point(x, y, scale float64) geometry.Point { return geometry.Point{X: x * scale, Y: y * scale} }

// suppress keeps the strongest of boxes that overlap.
func suppress(boxes []Box) []Box {
	slices.SortFunc(boxes, func(a, b Box) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	var kept []Box
	for _, b := range boxes {
		if !slices.ContainsFunc(kept, func(k Box) bool { return overlap(k, b) > maxOverlap }) {
			kept = append(kept, b)
		}
	}
	return kept
}

// overlap is the intersection of two boxes over their union.
func overlap(a, b Box) float64 {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X)
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y)
	if w <= 0 || h <= 0 {
		return 0
	}
	area := func(b Box) float64 { return (b.Max.X - b.Min.X) * (b.Max.Y - b.Min.Y) }
	return w * h / (area(a) + area(b) - w*h)
}
