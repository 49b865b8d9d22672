package pipeline

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"idphoto/models"
	"idphoto/pipeline/check"
	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// Analysis is what a run found in a picture before it made a photo: the face, the measures, the
// matte, and the person's own pixels. With it another photo of the same picture (another size,
// another background, a touch-up) needs no network, and mostly not the picture either.
//
// It holds a person's picture: it is kept and erased like one. Make one with ReadAnalysis.
type Analysis struct {
	Format        int          // analysisFormat
	Network       models.Model // that made the matte
	Width, Height int          // of the upright picture
	Face          *face.Face
	Others        int
	Values        []check.Value

	Alpha        piece           // 8 bit
	ToWork       geometry.Affine // head frame -> pixels of Alpha
	Refined      bool
	Share        float64
	Disagreement float64

	Overview   piece           // 8 bit; empty where it is not to be trusted
	ToOverview geometry.Affine // head frame -> pixels of Overview

	Person      piece           // the person's pixels and a rim around them: RGB, 8 bit
	FromUpright geometry.Affine // upright source pixels -> pixels of Person

	written []byte // what it was read from
}

// piece is an array of 8-bit pixels.
type piece struct {
	W, H int
	Pix  []byte
}

// holds tells whether the piece has as many pixels as it says, of so many bytes each, and at least one.
func (p piece) holds(bytes int) bool {
	return p.W > 0 && p.H > 0 && p.W <= maxAnalysis && p.H <= maxAnalysis && len(p.Pix) == bytes*p.W*p.H
}

// pieceOf is a plane with 8 bits a pixel.
func pieceOf(p *resample.Plane) piece {
	b := piece{p.W, p.H, make([]byte, len(p.Pix))}
	for i, v := range p.Pix {
		b.Pix[i] = byte(v*255 + .5)
	}
	return b
}

// plane undoes pieceOf.
func (p piece) plane() *resample.Plane {
	a := resample.NewPlane(p.W, p.H)
	for i, v := range p.Pix {
		a.Pix[i] = float32(v) / 255
	}
	return a
}

// size is that of a picture that is not at hand.
type size struct{ w, h int }

func (s size) Bounds() (w, h int) { return s.w, s.h }

// analysisFormat changes with the meaning of Analysis' fields.
const analysisFormat = 2

// Limits of what is kept and read.
const (
	personPixels   = 1 << 20  // of Person: enough for a 2-inch photo at 300 dpi
	maxAnalysis    = 16 << 20 // bytes unpacked
	maxBlock       = 1 << 20  // of which so many are unpacked at once
	personRim      = .02      // kept around the person, in widths of the matte: what foreground estimation reads
	softerThanFull = 1.05     // photo pixels per kept pixel that nobody sees
)

// ErrAnalysis is returned for bytes that are no analysis of this version of the program.
var ErrAnalysis = errors.New("pipeline: not an analysis of this version")

// ReadAnalysis reads what Result.Analysis holds. It keeps data, which must not change.
func ReadAnalysis(data []byte) (*Analysis, error) {
	z := s2.NewReader(bytes.NewReader(data), s2.ReaderMaxBlockSize(maxBlock))
	a := new(Analysis)
	if err := gob.NewDecoder(io.LimitReader(z, maxAnalysis)).Decode(a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnalysis, err)
	}
	if a.Format != analysisFormat || !a.whole() {
		return nil, ErrAnalysis
	}
	a.written = data
	return a, nil
}

// whole tells whether the analysis has all that a photo is made of: pixels as many as it says, maps
// that can be undone, and a face with its points, all of it where a picture can have it.
func (a *Analysis) whole() bool {
	f := a.Face
	if f == nil || len(f.Mesh) != face.MeshPoints || len(f.Depth) != face.MeshPoints || len(a.Values) == 0 ||
		min(a.Width, a.Height) <= 0 || max(a.Width, a.Height) > farthest || !bounded(f.Roll, a.Share, a.Disagreement) {
		return false
	}
	for _, p := range append([]geometry.Point{f.Min, f.Max, f.Eyes[0], f.Eyes[1], f.Chin, f.Sides[0], f.Sides[1]}, f.Mesh...) {
		if !bounded(p.X, p.Y) {
			return false
		}
	}
	for _, v := range a.Values {
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			return false
		}
	}
	return f.EyeDistance() >= 1 && f.EyeMid().Dist(f.Chin) >= 1 && a.Alpha.holds(1) && a.Person.holds(3) &&
		(len(a.Overview.Pix) == 0 || a.Overview.holds(1) && invertible(a.ToOverview)) && invertible(a.ToWork) && invertible(a.FromUpright)
}

// farthest is how far from the origin a point of a picture may be, in pixels; largestScale how much a map
// enlarges or reduces.
const (
	farthest     = 1 << 20
	largestScale = 1 << 10
)

func bounded(vs ...float64) bool {
	return !slices.ContainsFunc(vs, func(v float64) bool { return math.IsNaN(v) || math.Abs(v) > farthest })
}

// invertible tells whether a map can be undone. It may stretch, but not by much: see matteRegion.
func invertible(m geometry.Affine) bool {
	wide, high := math.Hypot(m.A, m.D), math.Hypot(m.B, m.E)
	return bounded(m.A, m.B, m.C, m.D, m.E, m.F) && min(wide, high) > 1./largestScale && max(wide, high) < largestScale &&
		math.Abs(m.A*m.E-m.B*m.D) > .5*wide*high
}

// keep writes down what this run found. A run without the picture found nothing that was not kept.
func (r *run) keep() ([]byte, error) {
	if r.pic == nil && r.req.Analysis.written != nil {
		return r.req.Analysis.written, nil
	}
	l := r.level
	a := &Analysis{
		Format: analysisFormat, Network: models.Model{Name: r.network.Name, SHA256: r.network.SHA256}, Face: r.face, Others: r.others, Values: r.values,
		ToWork: l.toWork, Refined: l.refined, Share: l.share, Disagreement: l.disagreement,
		Alpha: pieceOf(l.alpha),
	}
	if l.overview != nil && l.disagreement <= matte.MaxDisagreement {
		a.Overview, a.ToOverview = pieceOf(l.overview.person), l.overview.toPlane
	}
	a.Width, a.Height = l.bounds.Bounds()
	if r.pic != nil {
		a.keepPerson(r.pic, l)
	} else {
		a.Person, a.FromUpright = r.req.Analysis.Person, r.req.Analysis.FromUpright
	}
	var b bytes.Buffer
	z := packers.Get().(*s2.Writer)
	defer func() { z.Reset(nil); packers.Put(z) }()
	z.Reset(&b)
	if err := gob.NewEncoder(z).Encode(a); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// packers are kept for their buffers, two blocks each.
var packers = sync.Pool{New: func() any {
	return s2.NewWriter(nil, s2.WriterConcurrency(1), s2.WriterBlockSize(maxBlock))
}}

// keepPerson copies the person's pixels out of the picture, averaged down by a whole factor where
// they are more than personPixels. What is not person, nor its rim, is left out.
func (a *Analysis) keepPerson(pic *picture.Picture, l surroundings) {
	frame := l.footprint()
	factor := 1
	for frame.Dx()/factor*(frame.Dy()/factor) > personPixels {
		factor++
	}
	img := pic.Reduce(frame, factor)
	w, h := img.Rect.Dx(), img.Rect.Dy()
	f := 1 / float64(factor)
	a.FromUpright = geometry.Affine{A: f, C: -float64(frame.Min.X) * f, E: f, F: -float64(frame.Min.Y) * f}
	toAlpha := a.FromUpright.Inverse().Then(l.toSource.Inverse()).Then(l.toWork)
	near := matte.Near(l.alpha, max(2, int(personRim*float64(l.alpha.W))))
	a.Person = piece{w, h, make([]byte, 3*w*h)}
	for y := range h {
		row, kept := img.Pix[y*img.Stride:][:4*w], a.Person.Pix[3*y*w:][:3*w]
		p := toAlpha.Apply(geometry.Point{X: .5, Y: float64(y) + .5})
		for x := range w {
			px, py := int(p.X+toAlpha.A*float64(x)), int(p.Y+toAlpha.D*float64(x))
			if px >= 0 && py >= 0 && px < l.alpha.W && py < l.alpha.H && near[py*l.alpha.W+px] {
				kept[3*x], kept[3*x+1], kept[3*x+2] = row[4*x], row[4*x+1], row[4*x+2]
			}
		}
	}
}

// matte returns the head's surroundings as the run left them.
func (a *Analysis) matte() surroundings {
	l := surroundings{
		bounds: size{a.Width, a.Height}, toSource: geometry.Similarity(1, a.Face.Roll, a.Face.EyeMid()), toWork: a.ToWork,
		alpha: a.Alpha.plane(), share: a.Share, disagreement: a.Disagreement, refined: a.Refined,
	}
	if len(a.Overview.Pix) > 0 {
		l.overview = &overview{a.Overview.plane(), a.ToOverview}
	}
	l.inside = l.covered()
	return l
}

// person returns the person's pixels to sample from.
func (a *Analysis) person() pixels {
	img := image.NewRGBA(image.Rect(0, 0, a.Person.W, a.Person.H))
	to, from := img.Pix, a.Person.Pix
	for len(from) >= 4 { // a byte of the next pixel is read along
		binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(from)|0xff<<24)
		to, from = to[4:], from[3:]
	}
	copy(to, from)
	to[3] = 255
	return pixels{picture.FromRGBA(img), a.FromUpright}
}

// Serves tells whether the analysis alone can make the photo. Where the picture's own background
// stays, where the photo would show more than was matted, or more detail than is kept, the picture is
// needed too.
func (a *Analysis) Serves(req *Request) bool { return a.resolves(req) && a.covers(req) }

// resolves tells whether the kept pixels are all the photo needs, as far as they go.
func (a *Analysis) resolves(req *Request) bool {
	kept := a.FromUpright.Scale() // 1 or less
	detail := photoScale(a.Face, req.Spec) / kept
	return req.Background.Kind != spec.Original && !req.HD && (kept > .999 || detail <= softerThanFull)
}

// covers tells whether all that the photo can show of the person was matted. Where nothing but the
// head is measured in the matte, the head is enough.
func (a *Analysis) covers(req *Request) bool {
	if req.Background.Kind == spec.Original && req.Touch.Zero() {
		return true
	}
	l := surroundings{bounds: size{a.Width, a.Height}, toSource: geometry.Similarity(1, a.Face.Roll, a.Face.EyeMid())}
	if lo, hi := l.region(a.Face, req.Spec, reaches[0]); a.Alpha.spans(a.ToWork, lo, hi) {
		return true
	}
	// The region has room for any place of the head in the frame: see where this one's is.
	r := &run{req: *req, face: a.Face, level: a.matte()}
	if r.place() != nil {
		return false
	}
	lo, hi := r.shown()
	return a.Alpha.spans(a.ToWork, lo, hi)
}

// widens tells whether the overview has what the matte lacks for a photo of s.
func (a *Analysis) widens(s *spec.Spec) bool {
	l := surroundings{bounds: size{a.Width, a.Height}, toSource: geometry.Similarity(1, a.Face.Roll, a.Face.EyeMid())}
	lo, hi := l.region(a.Face, s, reaches[0])
	return len(a.Overview.Pix) > 0 && a.Overview.spans(a.ToOverview, lo, hi)
}

// spans tells whether the piece has all between two corners in the head's frame, or nearly.
func (p piece) spans(toPiece geometry.Affine, lo, hi geometry.Point) bool {
	lo, hi = toPiece.Apply(lo), toPiece.Apply(hi)
	slack := .01 * float64(p.W)
	return lo.X >= -slack && lo.Y >= -slack && hi.X <= float64(p.W)+slack && hi.Y <= float64(p.H)+slack
}

// photoScale is about how many photo pixels a source pixel becomes.
func photoScale(f *face.Face, s *spec.Spec) float64 {
	head, ok := s.Rule(spec.HeadHeight)
	if !ok {
		return math.Inf(1)
	}
	chin := f.EyeMid().Dist(f.Chin)
	return (head.Min + min(head.Upper(), s.HeightMM)) / 2 * s.PxPerMM() / (headHeight * chin)
}
