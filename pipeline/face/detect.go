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
	Score     float64           // more than 0.5, up to 1
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
	gridStep   = 32  // the detector's input has sides that are multiples of it
)

// A first look at coarseSide costs half as much as one at LongSide, and is enough for most single
// portraits: it shows one face, between coarseLeast and coarseMost of the picture's long side and
// with a score of coarseSure, and nothing else that scores coarseDoubt.
//
// Measured on 97 pictures with one face, from profiles to snapshots: it was enough for 76. What
// decides is coarseDoubt. 305 small second faces (1/4 to 1/28 of the long side, some blurred) were set
// beside the faces of portraits: the 224 that are counted at LongSide score at least 0.106 here. A
// face that fills the picture is left to LongSide, where it may be none.
const (
	coarseSide  = 352
	coarseLeast = .15
	coarseMost  = .75
	coarseSure  = .7
	coarseDoubt = .08
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

// Detect returns the faces in the picture, best first: as many as DetectAt finds at LongSide.
func (f *Finder) Detect(ctx context.Context, src resample.Source) ([]Box, error) {
	w, h := src.Bounds()
	long := float64(max(w, h))
	scale := coarseSide / long
	// Faces differ by more than the little that rounding to the nearest multiples stretches the picture.
	coarse := func(n int) int { return max(1, int(math.Round(float64(n)*scale/gridStep))) * gridStep }
	cw, ch := coarse(w), coarse(h)
	toSource := geometry.Affine{A: float64(w) / float64(cw), E: float64(h) / float64(ch)}
	boxes, err := f.look(ctx, src, toSource, cw, ch, coarseDoubt)
	if err != nil {
		return nil, err
	}
	if len(boxes) == 1 && boxes[0].Score > coarseSure {
		if size := boxes[0].Size() / long; size > coarseLeast && size < coarseMost {
			return boxes, nil
		}
	}
	return f.DetectAt(ctx, src, LongSide)
}

// DetectAt returns the faces in the picture as they are seen at a certain length of its longer side,
// best first: a larger one than LongSide finds smaller faces, and splits or loses large ones.
func (f *Finder) DetectAt(ctx context.Context, src resample.Source, longSide int) ([]Box, error) {
	w, h := src.Bounds()
	scale := float64(longSide) / float64(max(w, h))
	side := func(n int) int { return max(1, int(math.Round(float64(n)*scale))) }
	return f.look(ctx, src, geometry.Affine{A: 1 / scale, E: 1 / scale}, side(w), side(h), minScore)
}

// look finds faces that score more than least in w x h pixels, which toSource maps to the picture's
// (smaller pictures are enlarged, since the network knows faces of a certain size).
func (f *Finder) look(ctx context.Context, src resample.Source, toSource geometry.Affine, w, h int, least float64) ([]Box, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	img := resample.Sample(src, toSource, w, h, resample.Linear)
	w, h = roundUp(w, gridStep), roundUp(h, gridStep)
	in := models.Float32(1, 3, int64(h), int64(w))
	fill(in.Data, img, w, h)
	out, err := f.detector.Run(in)
	if err != nil {
		return nil, err
	}
	if len(out) != 4 {
		return nil, fmt.Errorf("face detector gave %d outputs, want 4", len(out))
	}
	return suppress(decode(out, w/4, h/4, toSource, float32(least))), nil
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
// boxes of the source, those that score more than least. Source: CenterFace (Xu et al., 2019), section 3.
func decode(maps []models.Tensor, w, h int, toSource geometry.Affine, least float32) []Box {
	heat, size, offset, marks := maps[0].Data, maps[1].Data, maps[2].Data, maps[3].Data
	n := w * h
	point := func(x, y float64) geometry.Point { return toSource.Apply(geometry.Point{X: x, Y: y}) }
	var boxes []Box
	for i, score := range heat[:n] {
		if score <= least {
			continue
		}
		x, y := float64(i%w), float64(i/w)
		bh, bw := 4*math.Exp(float64(size[i])), 4*math.Exp(float64(size[n+i]))
		x0 := 4*(x+float64(offset[n+i])+.5) - bw/2
		y0 := 4*(y+float64(offset[i])+.5) - bh/2
		b := Box{Min: point(x0, y0), Max: point(x0+bw, y0+bh), Score: float64(score)}
		for j := range b.Landmarks {
			b.Landmarks[j] = point(x0+float64(marks[(2*j+1)*n+i])*bw, y0+float64(marks[2*j*n+i])*bh)
		}
		boxes = append(boxes, b)
	}
	return boxes
}

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
