package geometry

import (
	"cmp"
	"math"
	"slices"
)

// Crop is a photo's frame: column = Scale*x + Slide, row = Scale*y + Shift of a point in the head's
// frame.
type Crop struct {
	Scale, Shift, Slide float64
	Margin              float64 // the smallest margin over all rules that did not give way; 1 is the middle of every band
	GaveWay             []string
}

// ToPhoto maps the head's frame to the photo.
func (c Crop) ToPhoto() Affine {
	return Affine{A: c.Scale, C: c.Slide, E: c.Scale, F: c.Shift}
}

// Places of the unknowns in a programme.
const (
	zScale = iota
	zShift
	zSlide
	zMargin
)

// tight is how little margins differ that are the same.
const tight = 1e-7

// units are the sizes that make a programme's unknowns about 1.
type units struct {
	head  float64 // source pixels
	photo float64 // photo pixels
}

// placing is a search for the best crop under bounds. Its programme's rows are the bounds with floors
// for their margins.
type placing struct {
	units
	bounds []Bound
	plain  []row     // the bounds without margin
	slack  []float64 // of the bounds, in units
	floor  []float64 // margins to keep; meaningless where slack is 0
	top    float64   // margins above are as good as this one; no band has one above 1
	rows   []row     // scratch
	room   [unknowns][]row
}

func (u units) place(bounds []Bound) *placing {
	p := &placing{units: u, bounds: bounds, top: 1}
	for _, b := range bounds {
		p.plain = append(p.plain, row{
			a: [unknowns]float64{b.Gain / u.head, b.Move, b.Aside}, b: b.Const / u.photo,
		})
		p.slack = append(p.slack, b.Slack/u.photo)
		p.floor = append(p.floor, 0)
	}
	return p
}

func (p *placing) margin(i int, z [unknowns]float64) float64 { return p.plain[i].at(z) / p.slack[i] }

// best maximises the smallest margin of the bounds in raised, or with raised empty finds any crop. The
// others keep their floors.
func (p *placing) best(raised []int) (z [unknowns]float64, ok bool) {
	p.rows = p.rows[:0]
	smallest := row{b: -1e-6} // a photo shows something
	smallest.a[zScale] = 1
	top := row{b: p.top}
	top.a[zMargin] = -1
	p.rows = append(p.rows, smallest, top)
	for i, r := range p.plain {
		if slices.Contains(raised, i) {
			r.a[zMargin] = -p.slack[i]
		} else {
			r.b -= p.slack[i] * p.floor[i]
		}
		p.rows = append(p.rows, r.unit())
	}
	goal := row{}
	goal.a[zMargin] = 1
	return maximise(p.rows, goal, &p.room)
}

// level raises the smallest margin of free as far as it goes, then the smallest of those that can
// still be raised, and so on: among the crops with the largest margin it finds the one whose next
// smallest margin is largest. The bounds that are not free keep their floors; the floors of free end
// as the margins found.
func (p *placing) level(free []int) (z [unknowns]float64, ok bool) {
	free = slices.Clone(free)
	for {
		next, found := p.best(free)
		if !found { // at the start, or by rounding
			return z, ok
		}
		z, ok = next, true
		reached := z[zMargin]
		for _, i := range free {
			p.floor[i] = reached - tight
		}
		if len(free) == 0 || reached >= p.top-tight {
			return z, true
		}
		// What is at the smallest margin stays there if it cannot be raised without lowering another.
		var at []int
		for _, i := range free {
			if p.margin(i, z) < reached+tight {
				at = append(at, i)
			}
		}
		stuck := slices.DeleteFunc(slices.Clone(at), func(i int) bool {
			higher, ok := p.best([]int{i})
			return ok && higher[zMargin] > reached+10*tight
		})
		if len(stuck) == 0 {
			stuck = at
		}
		free = slices.DeleteFunc(free, func(i int) bool { return slices.Contains(stuck, i) })
	}
}

// crop returns z in pixels, with the margin of the bounds that keep is true for.
func (p *placing) crop(z [unknowns]float64, keep func(Bound) bool) Crop {
	c := Crop{Scale: z[zScale] * p.photo / p.head, Shift: z[zShift] * p.photo, Slide: z[zSlide] * p.photo, Margin: math.Inf(1)}
	for i, b := range p.bounds {
		if b.Slack > 0 && keep(b) {
			c.Margin = min(c.Margin, p.margin(i, z))
		}
		if b.Yields && p.margin(i, z) < -tight && !slices.Contains(c.GaveWay, b.Name) {
			c.GaveWay = append(c.GaveWay, b.Name)
		}
	}
	return c
}

// soft lists the bounds with slack that want is true for.
func soft(bounds []Bound, want func(Bound) bool) []int {
	var at []int
	for i, b := range bounds {
		if b.Slack > 0 && want(b) {
			at = append(at, i)
		}
	}
	return at
}

func everything(Bound) bool { return true }
func firm(b Bound) bool     { return !b.Yields }
func yields(b Bound) bool   { return b.Yields }

// margins lists the soft bounds' margins at z, the smallest first.
func (p *placing) margins(z [unknowns]float64) []float64 {
	var all []float64
	for i, b := range p.bounds {
		if b.Slack > 0 {
			all = append(all, p.margin(i, z))
		}
	}
	slices.Sort(all)
	return all
}

// roughly compares margins.
func roughly(a, b float64) int {
	if math.Abs(a-b) < 10*tight {
		return 0
	}
	return cmp.Compare(a, b)
}
