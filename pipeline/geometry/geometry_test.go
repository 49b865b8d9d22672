package geometry

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"idphoto/pipeline/spec"
)

func TestAffine(t *testing.T) {
	m := Square(192, Point{X: 50, Y: 80}, 30, .3)
	if got := m.Apply(Point{X: 96, Y: 96}); got.Dist(Point{X: 50, Y: 80}) > 1e-9 {
		t.Errorf("the middle maps to %v, want (50, 80)", got)
	}
	if got := m.Scale(); math.Abs(got-30./192) > 1e-12 {
		t.Errorf("scale = %v, want %v", got, 30./192)
	}
	p := Point{X: 3, Y: -7}
	if got := m.Then(m.Inverse()).Apply(p); got.Dist(p) > 1e-9 {
		t.Errorf("there and back: %v, want %v", got, p)
	}
	n := Similarity(2, 1, Point{X: 5, Y: 6})
	if got, want := m.Then(n).Apply(p), n.Apply(m.Apply(p)); got.Dist(want) > 1e-9 {
		t.Errorf("Then: %v, want %v", got, want)
	}
}

// randomHead is a head in a picture, sometimes cut by its edges.
func randomHead(r *rand.Rand) Head {
	size := 50 + 500*r.Float64()
	h := Uncut(-size*(.4+.3*r.Float64()), 0, size*(.4+.2*r.Float64()), size*(r.Float64()-.5))
	if r.IntN(2) == 0 {
		h.CutBottom = h.Chin + size*r.Float64()
	}
	if r.IntN(3) == 0 {
		h.CutLeft = leaningCut(r, h.Axis-size*(.6+r.Float64()), h.Chin+size*(r.Float64()-.2), size)
	}
	if r.IntN(3) == 0 {
		h.CutRight = leaningCut(r, h.Axis+size*(.6+r.Float64()), h.Chin+size*(r.Float64()-.2), size)
	}
	return h
}

// leaningCut is a side cut from (x, y) down, along an edge that leans.
func leaningCut(r *rand.Rand, x, y, size float64) []Point {
	lean := .2 * (r.Float64() - .5)
	cut := make([]Point, maxSplits)
	for i := range cut {
		d := size * float64(i) / maxSplits
		cut[i] = Point{X: x + lean*d, Y: y + d}
	}
	return cut
}

// holdsFor checks a placement against the rules as a person would, without the solver's algebra.
func holdsFor(h Head, s *spec.Spec, scale, shift, tolerance float64) bool {
	y := func(u float64) float64 { return scale*u + shift }
	measures := map[string]float64{
		spec.HeadHeight: y(h.Chin) - y(h.Crown),
		spec.EyeLine:    float64(s.HeightPx) - y(h.Eyes),
		spec.CrownGap:   y(h.Crown),
		spec.ChinGap:    float64(s.HeightPx) - y(h.Chin),
	}
	for _, r := range s.Rules {
		if v := measures[r.Measure] / s.PxPerMM(); v < r.Min-tolerance || v > r.Upper()+tolerance {
			return false
		}
	}
	w := float64(s.WidthPx)
	x := func(u float64) float64 { return scale*(u-h.Axis) + w/2 }
	px := tolerance * s.PxPerMM()
	if y(h.CutBottom) < float64(s.HeightPx)-px {
		return false
	}
	for _, p := range h.CutLeft {
		if x(p.X) > px && y(p.Y) < float64(s.HeightPx)-px {
			return false
		}
	}
	for _, p := range h.CutRight {
		if x(p.X) < w-px && y(p.Y) < float64(s.HeightPx)-px {
			return false
		}
	}
	return true
}

// For random heads and every document: the solver's crop meets the rules, and where it finds none
// a dense search over scale and shift finds none either.
func TestSolveAgreesWithBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	documents := slices.DeleteFunc(spec.All(), func(s *spec.Spec) bool { return s.HeightPx == 0 })
	solved, refused := 0, 0
	for range 200 {
		h := randomHead(r)
		for _, s := range documents {
			crop, conflict, ok := h.Solve(s, nil)
			if ok {
				solved++
				if !holdsFor(h, s, crop.Scale, crop.Shift, 1e-6) {
					t.Fatalf("%s: crop %+v of %+v breaks a rule", s.ID, crop, h)
				}
				continue
			}
			refused++
			if len(conflict) == 0 {
				t.Fatalf("%s: refused without a reason", s.ID)
			}
			if scale, shift, found := bruteForce(h, s); found {
				t.Fatalf("%s: refused for %v, but scale %v and shift %v do for %+v", s.ID, conflict, scale, shift, h)
			}
		}
	}
	if solved < 100 || refused < 100 {
		t.Errorf("%d solved, %d refused: the heads do not try both ways", solved, refused)
	}
}

func bruteForce(h Head, s *spec.Spec) (scale, shift float64, ok bool) {
	head, _ := s.Rule(spec.HeadHeight)
	k := s.PxPerMM()
	for i := range 60 {
		mm := head.Min + (head.Upper()-head.Min)*(float64(i)+.5)/60
		scale = mm * k / (h.Chin - h.Crown)
		for j := range 200 {
			shift = float64(s.HeightPx)*float64(j)/200 - scale*h.Crown
			if holdsFor(h, s, scale, shift, -.02) {
				return scale, shift, true
			}
		}
	}
	return 0, 0, false
}

func TestConflictIsMinimal(t *testing.T) {
	s, err := spec.Lookup("passport-35x45")
	if err != nil {
		t.Fatal(err)
	}
	h := Uncut(-100, 0, 90, 0)
	h.CutBottom = 92 // the picture ends just below the chin
	_, conflict, ok := h.Solve(s, nil)
	if ok {
		t.Fatal("a body that would float was accepted")
	}
	if !slices.Contains(conflict, BodyBottom) {
		t.Errorf("conflict = %v does not name %s", conflict, BodyBottom)
	}
	bounds := h.rules(s)
	only := func(names []string) []Bound {
		return slices.DeleteFunc(slices.Clone(bounds), func(b Bound) bool { return !slices.Contains(names, b.Name) })
	}
	if _, _, ok := Solve(only(conflict)); ok {
		t.Errorf("%v can hold together", conflict)
	}
	for i, name := range conflict {
		if _, _, ok := Solve(only(slices.Delete(slices.Clone(conflict), i, i+1))); !ok {
			t.Errorf("%v stays a conflict without %s", conflict, name)
		}
	}
}

func TestOriginalBackgroundStaysInsideThePicture(t *testing.T) {
	s, err := spec.Lookup("1-inch")
	if err != nil {
		t.Fatal(err)
	}
	h := Uncut(100, 200, 300, 250)
	inside := func(w, hgt float64) []HalfPlane {
		return []HalfPlane{{NX: 1}, {NY: 1}, {NX: -1, D: -w}, {NY: -1, D: -hgt}}
	}
	crop, _, ok := h.Solve(s, inside(500, 500))
	if !ok {
		t.Fatal("no crop within a picture that is large enough")
	}
	back := crop.ToPhoto().Inverse()
	for _, c := range []Point{{0, 0}, {float64(s.WidthPx), float64(s.HeightPx)}} {
		if p := back.Apply(c); p.X < -1e-6 || p.Y < -1e-6 || p.X > 500+1e-6 || p.Y > 500+1e-6 {
			t.Errorf("corner %v of the photo lies at %v, outside the picture", c, p)
		}
	}
	if _, conflict, ok := h.Solve(s, inside(500, 310)); ok || !slices.Contains(conflict, PictureEdge) {
		t.Errorf("a picture that ends below the chin: ok %v, conflict %v; want %s", ok, conflict, PictureEdge)
	}
}

func BenchmarkSolve(b *testing.B) {
	s, _ := spec.Lookup("cn-passport")
	h := Uncut(-100, 0, 90, 0)
	h.CutBottom = 300
	for y := 150.; y < 300; y += 10 {
		h.CutLeft = append(h.CutLeft, Point{X: -200, Y: y})
		h.CutRight = append(h.CutRight, Point{X: 200, Y: y})
	}
	for b.Loop() {
		h.Solve(s, nil)
	}
}
