package pipeline

import (
	"context"
	"image"
	"math"
	"slices"

	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

// onePerson picks the face that the photo is of, and returns the others apart. Without a person in
// the request there must be no others.
func (req *Request) onePerson(boxes []face.Box, src resample.Source) (chosen face.Box, others []face.Box, err error) {
	if len(boxes) == 0 {
		return face.Box{}, nil, fault.New(fault.NoFace, nil)
	}
	if req.Person == nil {
		if len(boxes) > 1 {
			return face.Box{}, nil, fault.New(fault.ManyFaces, nil, "count", len(boxes))
		}
		return boxes[0], nil, nil
	}
	w, h := src.Bounds()
	at := geometry.Point{X: req.Person.X * float64(w), Y: req.Person.Y * float64(h)}
	best := -1
	for i, b := range boxes {
		if holds(b, at) && (best < 0 || b.Center().Dist(at) < boxes[best].Center().Dist(at)) {
			best = i
		}
	}
	if best < 0 {
		return face.Box{}, nil, fault.New(fault.NoFace, nil)
	}
	for i, b := range boxes {
		if i != best {
			others = append(others, b)
		}
	}
	return boxes[best], others, nil
}

// keepOne clears from a matte of several people who stand together what belongs to the others.
//
// Every pixel goes to the person to whom the way is shortest from there, where steps over an outline
// in the picture are long: a watershed from the heads and chests (Bai and Sapiro, "A geodesic
// framework for fast interactive image and video segmentation", ICCV 2007). img shows what alpha
// covers; toAlpha maps the faces' pixels to alpha's.
//
// It makes the person's head opaque, and returns how much of it was.
func keepOne(alpha *resample.Plane, img *image.RGBA, toAlpha geometry.Affine, own face.Box, others []face.Box) (seen float64) {
	s := spreadOver(alpha, img, figures(toAlpha, own, others))
	sure, opaque := 0, 0
	for i, who := range s.owner {
		switch {
		case who > 0:
			alpha.Pix[i] = 0
		case who == 0 && s.cost[i] == 0: // the network opens holes in people who stand together
			sure++
			if alpha.Pix[i] > matte.Opaque {
				opaque++
			}
			alpha.Pix[i] = max(alpha.Pix[i], sureAlpha)
		}
	}
	return float64(opaque) / float64(max(sure, 1))
}

// maxOwnDisagreement is matte.MaxDisagreement for one of several people. When it was set, of 31 in three
// pictures six were above: two that had lost half of the head or all of the body (.61, .78), three that had
// lost one shoulder or both (.12 to .27), and one with other people's arms (.16). The others, among them
// some with a bit of a neighbour, were below .075.
const maxOwnDisagreement = .1

// Part of a person that is looked at for it: what a photo is certain to show. In the face's box.
const (
	ownAside = 0.9 // on each side of the face's middle
	ownBelow = 0.6 // below the chin
)

// ownDisagreement is matte.Disagreement for one of several people whom the opinion does not tell apart:
// of what either takes for a person everybody has their part, as in keepOne, and only this person's part
// counts.
func ownDisagreement(alpha, opinion *resample.Plane, img *image.RGBA, toAlpha geometry.Affine, own face.Box, others []face.Box) float64 {
	second := opinion.Warp(geometry.Affine{A: float64(opinion.W) / float64(alpha.W), E: float64(opinion.H) / float64(alpha.H)}, alpha.W, alpha.H)
	either := resample.NewPlane(alpha.W, alpha.H)
	for i := range either.Pix {
		either.Pix[i] = max(alpha.Pix[i], second.Pix[i])
	}
	people := figures(toAlpha, own, others)
	s, f := spreadOver(either, img, people), people[0]
	var person, opposite int
	for y := 0; y < min(alpha.H, int(f.chin+ownBelow*f.h)); y++ {
		for x := max(0, int(f.x-ownAside*f.w)); x < min(alpha.W, int(f.x+ownAside*f.w)); x++ {
			i := y*alpha.W + x
			if s.owner[i] > 0 {
				continue
			}
			if alpha.Pix[i] > matte.Opaque {
				person++
			}
			if matte.Opposite(alpha.Pix[i], second.Pix[i]) {
				opposite++
			}
		}
	}
	if person == 0 {
		return 1
	}
	return float64(opposite) / float64(person)
}

// doubtOwn asks for the second opinion on the matte of one of several people.
func (r *run) doubtOwn(ctx context.Context, a *surroundings) error {
	img := resample.Sample(r.pic, a.toWork.Inverse().Then(a.toSource), a.alpha.W, a.alpha.H, resample.Linear)
	opinion, err := r.opinion.Opinion(ctx, img)
	if err == nil {
		a.disagreement = ownDisagreement(a.alpha, opinion, img, a.toSource.Inverse().Then(a.toWork), r.face.Box, r.neighbours)
	}
	return err
}

// maxDisagreement is that above which the photo is held.
func (r *run) maxDisagreement() float64 {
	if r.req.Person != nil {
		return maxOwnDisagreement
	}
	return matte.MaxDisagreement
}

// sureAlpha is the matte's least value where a person certainly is.
const sureAlpha = 0.9

// enlarging is how much larger than in the source the network may see people who stand together: in
// their enlarged, soft pictures it opens holes.
const enlarging = 1.1

// figure is where a person must be, in pixels of a matte: an upright ellipse of the head, and lines
// down the chest.
type figure struct {
	x, y, rx, ry float64 // of the head
	chin         float64
	w, h         float64 // of the face's box
}

// Parts of a figure, in the size of the face's box, which reaches from the forehead to the chin.
const (
	headLift   = 0.15 // the head's middle is so far above the face's
	headHalf   = 0.6  // half of the head's height
	headWide   = 0.42 // half of the head's sure width
	chestBelow = 1.1  // the chest's lines end so far below the chin
	shoulder   = 0.4  // those aside begin so far below it
	clearance  = 1.35 // of a head in front, in its size
)

// chestLines are the lines' distances from the middle, in widths of the face.
var chestLines = []float64{0, -.45, .45, -.85, .85}

func newFigure(b face.Box, toAlpha geometry.Affine) figure {
	c, scale := toAlpha.Apply(b.Center()), toAlpha.Scale()
	w, h := (b.Max.X-b.Min.X)*scale, (b.Max.Y-b.Min.Y)*scale
	return figure{x: c.X, y: c.Y - headLift*h, rx: headWide * w, ry: headHalf * h, chin: c.Y + h/2, w: w, h: h}
}

// figures are the person's own and then those of the others.
func figures(toAlpha geometry.Affine, own face.Box, others []face.Box) []figure {
	people := []figure{newFigure(own, toAlpha)}
	for _, b := range others {
		people = append(people, newFigure(b, toAlpha))
	}
	return people
}

// covers reports whether a point lies in the figure's head, grown by a factor.
func (f figure) covers(x, y, grow float64) bool {
	dx, dy := (x-f.x)/(f.rx*grow), (y-f.y)/(f.ry*grow)
	return dx*dx+dy*dy < 1
}

// hides reports whether a point lies on the figure's head or body, roughly: half a face wide at the
// chin, more than two at the shoulders.
func (f figure) hides(x, y float64) bool {
	if f.covers(x, y, clearance) {
		return true
	}
	below := (y - f.chin) / f.h
	return below > 0 && math.Abs(x-f.x) < f.w*min(.5+1.4*below, 1.2)
}

// inFront reports whether f stands in front of g: rows further back stand higher.
func (f figure) inFront(g figure) bool { return f.y > g.y }

// spread grows regions over the pixels of a matte that show somebody.
type spread struct {
	w, h  int
	img   *image.RGBA
	alpha *resample.Plane
	cost  []int32
	owner []int16 // index of the person; -1 for nobody
	queue [][]int32
}

// Costs of a step: to the next pixel, and for each level that the colour changes on it.
const (
	stepCost  = 5
	colorCost = 2
	buckets   = 1 << 10 // more than the longest step: diagonal and 255 levels
)

func newSpread(alpha *resample.Plane, img *image.RGBA) *spread {
	s := &spread{w: alpha.W, h: alpha.H, img: img, alpha: alpha, cost: make([]int32, len(alpha.Pix)), owner: make([]int16, len(alpha.Pix)),
		queue: make([][]int32, buckets)}
	for i := range s.cost {
		s.cost[i], s.owner[i] = math.MaxInt32, -1
	}
	return s
}

// spreadOver gives every pixel of alpha that shows somebody to one of the people.
func spreadOver(alpha *resample.Plane, img *image.RGBA, people []figure) *spread {
	s := newSpread(alpha, img)
	for i := range people {
		s.seed(people, i)
	}
	s.run()
	return s
}

// seed gives person i the pixels that are certainly theirs: the head, and the chest as far down as
// nobody stands before it.
func (s *spread) seed(people []figure, i int) {
	f := people[i]
	for y := max(0, int(f.y-f.ry)); y <= min(s.h-1, int(f.y+f.ry)); y++ {
		for x := max(0, int(f.x-f.rx)); x <= min(s.w-1, int(f.x+f.rx)); x++ {
			if f.covers(float64(x), float64(y), 1) {
				s.offer(y*s.w+x, 0, int16(i))
			}
		}
	}
	for _, line := range chestLines {
		x, from := int(math.Floor(f.x+line*f.w)), f.chin
		if x < 0 || x >= s.w {
			continue
		}
		if line != 0 {
			from += shoulder * f.h
		}
		for y := max(0, int(from)); y <= min(s.h-1, int(f.chin+chestBelow*f.h)); y++ {
			if !slices.ContainsFunc(people, func(p figure) bool { return p.inFront(f) && p.hides(float64(x), float64(y)) }) {
				s.offer(y*s.w+x, 0, int16(i))
			}
		}
	}
}

// offer gives a pixel to a person when that is nearer than whose it was.
func (s *spread) offer(at int, cost int32, who int16) {
	if cost < s.cost[at] && (cost == 0 || s.alpha.Pix[at] > matte.Faint) {
		s.cost[at], s.owner[at] = cost, who
		b := int(cost) % buckets
		s.queue[b] = append(s.queue[b], int32(at))
	}
}

// run grows all regions at once, the cheapest step first (Dial's buckets).
func (s *spread) run() {
	for c, idle := int32(0), 0; idle < buckets; c++ {
		b := int(c) % buckets
		if len(s.queue[b]) == 0 {
			idle++
			continue
		}
		idle = 0
		for len(s.queue[b]) > 0 {
			last := len(s.queue[b]) - 1
			at := int(s.queue[b][last])
			s.queue[b] = s.queue[b][:last]
			if s.cost[at] == c {
				s.step(at)
			}
		}
	}
}

func (s *spread) step(at int) {
	x, y := at%s.w, at/s.w
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if nx, ny := x+dx, y+dy; nx >= 0 && ny >= 0 && nx < s.w && ny < s.h && (dx != 0 || dy != 0) {
				next := ny*s.w + nx
				length := int32(stepCost)
				if dx != 0 && dy != 0 {
					length = stepCost * 7 / 5
				}
				s.offer(next, s.cost[at]+length+colorCost*s.change(x, y, nx, ny), s.owner[at])
			}
		}
	}
}

// change is by how many levels the colour differs between two pixels, in the channel where it
// differs most.
func (s *spread) change(x0, y0, x1, y1 int) int32 {
	p := s.img.Pix[s.img.PixOffset(s.img.Rect.Min.X+x0, s.img.Rect.Min.Y+y0):][:3]
	q := s.img.Pix[s.img.PixOffset(s.img.Rect.Min.X+x1, s.img.Rect.Min.Y+y1):][:3]
	var most int32
	for c := range 3 {
		d := int32(p[c]) - int32(q[c])
		most = max(most, d, -d)
	}
	return most
}
