package pipeline

import (
	"compress/zlib"
	"context"
	"image"
	"math"
	"slices"

	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
)

// MaxPeople is how many faces a group picture may have: more than any class, fewer than a crowd.
const MaxPeople = 200

// MinGroupEyeDistance is MinEyeDistance for a person of a group picture, where nobody can come
// closer: below it landmarks and matte are no longer to be relied on. A 1-inch photo is enlarged some
// three times then; its report says so.
const MinGroupEyeDistance = 20

func (req *Request) minEyeDistance() float64 {
	if req.Person != nil {
		return MinGroupEyeDistance
	}
	return MinEyeDistance
}

// Person is one face of a group picture.
type Person struct {
	Row, Seat   int             // from 1: rows from the top, seats from the left
	Face        image.Rectangle // in upright pixels
	EyeDistance float64         // in upright pixels
	Crop        image.Rectangle // what a photo of the person is made from, in upright pixels
	At          geometry.Point  // middle of the face, in fractions of Crop
	Refused     *fault.Error    // why there can be no photo; nil when there can
}

// Group is a picture of people, decoded.
type Group struct {
	People []Person // row by row from the top, each from the left

	Picture *picture.Picture
}

// People finds everybody in a picture. It returns a *fault.Error when there is nobody, or too many.
// stage may be nil.
func (p *Pipeline) People(ctx context.Context, data []byte, stage StageFunc) (*Group, error) {
	if stage == nil {
		stage = func(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
	}
	defer p.runtime.Begin()()
	g := &Group{}
	var boxes []face.Box
	var faces []*face.Face
	for _, s := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"decode", func(context.Context) (err error) { g.Picture, err = picture.Decode(data, p.opts.Limits); return err }},
		{"detect", func(ctx context.Context) (err error) { boxes, err = p.detectAll(ctx, g.Picture); return err }},
		{"landmarks", func(ctx context.Context) (err error) { faces, err = p.measureAll(ctx, g.Picture, boxes); return err }},
	} {
		if err := stage(ctx, s.name, s.do); err != nil {
			return nil, err
		}
	}
	for i, row := range rowsOf(faces) {
		for k, f := range row {
			person := newPerson(g.Picture, f)
			person.Row, person.Seat = i+1, k+1
			g.People = append(g.People, person)
		}
	}
	return g, nil
}

// Sizes at which faces of a group are looked for. CenterFace finds faces from about 16 pixels on,
// and splits large ones: each step looks only for what was too small for those before.
const (
	finestSide = 1920 // bounds the time: half a second
	tileSide   = 640  // larger sizes are looked at in pieces: for 1920 x 900 at once the network takes 300 MB
	smallFace  = 96   // pixels, as the network sees them
	leastFace  = 16
)

// detectAll finds faces of all sizes that can become a photo, and some that are smaller.
func (p *Pipeline) detectAll(ctx context.Context, pic *picture.Picture) ([]face.Box, error) {
	w, h := pic.Bounds()
	long := max(w, h)
	// The box of a face is some 2.7 eye distances high. Half the least size is still listed.
	wanted := 2.7 * MinGroupEyeDistance / 2 / float64(long)
	var all []face.Box
	for side := face.LongSide; ; side *= 2 {
		found, err := p.detectTiles(ctx, pic, side)
		if err != nil {
			return nil, err
		}
		for _, b := range found {
			small := b.Size()*float64(side)/float64(long) <= smallFace
			if side == face.LongSide || small && !slices.ContainsFunc(all, func(a face.Box) bool { return holds(a, b.Center()) || holds(b, a.Center()) }) {
				all = append(all, b)
			}
		}
		if len(all) > MaxPeople {
			return nil, fault.New(fault.TooManyPeople, nil, "count", len(all), "limit", MaxPeople)
		}
		if 2*side > finestSide || wanted*float64(side) >= leastFace {
			break
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NoFace, nil)
	}
	return all, nil
}

// detectTiles is DetectAt in pieces that the network has the memory for. They overlap by a small face,
// so that each such face is whole in one of them.
func (p *Pipeline) detectTiles(ctx context.Context, pic *picture.Picture, side int) ([]face.Box, error) {
	if side <= tileSide {
		return p.faces.DetectAt(ctx, pic, side)
	}
	w, h := pic.Bounds()
	scale := float64(side) / float64(max(w, h))
	var all []face.Box
	for _, t := range tiles(w, h, int(tileSide/scale), int(smallFace/scale)) {
		found, err := p.faces.DetectAt(ctx, tile{pic, t}, int(math.Round(scale*float64(max(t.Dx(), t.Dy())))))
		if err != nil {
			return nil, err
		}
		shift := geometry.Point{X: float64(t.Min.X), Y: float64(t.Min.Y)}
		for _, b := range found {
			b.Min, b.Max = b.Min.Add(shift), b.Max.Add(shift)
			for i := range b.Landmarks {
				b.Landmarks[i] = b.Landmarks[i].Add(shift)
			}
			all = append(all, b)
		}
	}
	return all, nil
}

// tiles covers w x h with pieces of at most the given side that overlap.
func tiles(w, h, side, overlap int) (all []image.Rectangle) {
	step := max(1, side-overlap)
	for y := 0; y == 0 || y+overlap < h; y += step {
		for x := 0; x == 0 || x+overlap < w; x += step {
			all = append(all, image.Rect(x, y, x+side, y+side).Intersect(image.Rect(0, 0, w, h)))
		}
	}
	return all
}

// tile is a piece of a picture.
type tile struct {
	*picture.Picture
	at image.Rectangle
}

func (t tile) Bounds() (w, h int) { return t.at.Dx(), t.at.Dy() }

func (t tile) Reduce(r image.Rectangle, factor int) *image.RGBA {
	return t.Picture.Reduce(r.Add(t.at.Min).Intersect(t.at), factor)
}

// holds reports whether a point lies in a face's box.
func holds(b face.Box, p geometry.Point) bool {
	return p.X > b.Min.X && p.X < b.Max.X && p.Y > b.Min.Y && p.Y < b.Max.Y
}

// measureAll returns the faces in the boxes, each once. What the face mesh takes for no face is a
// pattern in the background: it is left out.
func (p *Pipeline) measureAll(ctx context.Context, pic *picture.Picture, boxes []face.Box) ([]*face.Face, error) {
	var all []*face.Face
	for _, b := range boxes {
		f, ok, err := p.faces.Measure(ctx, pic, b)
		if err != nil {
			return nil, err
		}
		if ok && !slices.ContainsFunc(all, func(a *face.Face) bool { return a.EyeMid().Dist(f.EyeMid()) < a.EyeDistance()/2 }) {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NoFace, nil)
	}
	return all, nil
}

// Reach of a person's crop from between the eyes, in distances from there to the chin. A photo
// whose head takes half of its height, the least of any document, shows 2.3 above and 2.3 below the
// eyes and 2.4 aside; the matting network wants shoulders.
const (
	cropAside = 3.2
	cropUp    = 3.0
	cropDown  = 4.2
)

// newPerson places a face in the picture.
func newPerson(pic *picture.Picture, f *face.Face) Person {
	w, h := pic.Bounds()
	unit, eyes := f.EyeMid().Dist(f.Chin), f.EyeMid()
	rect := func(x0, y0, x1, y1 float64) image.Rectangle {
		return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1)), int(math.Ceil(y1))).Intersect(image.Rect(0, 0, w, h))
	}
	p := Person{
		Face: rect(f.Min.X, f.Min.Y, f.Max.X, f.Max.Y), EyeDistance: f.EyeDistance(),
		Crop: rect(eyes.X-cropAside*unit, eyes.Y-cropUp*unit, eyes.X+cropAside*unit, eyes.Y+cropDown*unit),
	}
	at := f.Center()
	p.At = geometry.Point{
		X: fraction(at.X-float64(p.Crop.Min.X), p.Crop.Dx()),
		Y: fraction(at.Y-float64(p.Crop.Min.Y), p.Crop.Dy()),
	}
	if p.EyeDistance < MinGroupEyeDistance {
		p.Refused = fault.New(fault.FaceTooSmall, nil, "pixels", int(p.EyeDistance), "need", MinGroupEyeDistance)
	} else if edge := cutHead(f, pic); edge != "" {
		p.Refused = fault.New(fault.HeadCutOff, nil, "edge", edge)
	}
	return p
}

// fraction is v/n, to a ten-thousandth: options are text.
func fraction(v float64, n int) float64 { return math.Round(v/float64(n)*1e4) / 1e4 }

// leastSkull is the least height of a head above the eyes, in distances from eyes to chin, without hair.
const leastSkull = 0.9

// cutHead names the edge of the picture that cuts the face or the skull above it, if one does.
// Whether it cuts the hair only the matte can tell.
func cutHead(f *face.Face, pic *picture.Picture) string {
	if edge := cutFace(f, pic); edge != "" {
		return edge
	}
	w, h := pic.Bounds()
	up := f.EyeMid().Sub(f.Chin)
	crown := f.EyeMid().Add(geometry.Point{X: leastSkull * up.X, Y: leastSkull * up.Y})
	switch {
	case crown.Y < 0:
		return "top"
	case crown.X < 0:
		return "left"
	case crown.X > float64(w):
		return "right"
	case crown.Y > float64(h):
		return "bottom"
	}
	return ""
}

// losslessPixels is how large a crop may be that is stored without loss.
const losslessPixels = 1 << 19

// Cut returns the picture of person i alone: an encoded crop and its content type.
func (g *Group) Cut(i int) (data []byte, contentType string, err error) {
	img := g.Picture.Reduce(g.People[i].Crop, 1)
	if img.Rect.Dx()*img.Rect.Dy() <= losslessPixels {
		opaque := &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}
		data, err = picture.EncodePNG(opaque, cropDPI, zlib.BestSpeed)
		return data, "image/png", err
	}
	data, err = picture.EncodeJPEG(img, 97, cropDPI)
	return data, "image/jpeg", err
}

const cropDPI = 300 // says nothing: a crop has no size on paper
