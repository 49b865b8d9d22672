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

// randomHead is a head in a picture, with hair or without, sometimes cut by the picture's edges.
func randomHead(r *rand.Rand) Head {
	size := 50 + 500*r.Float64()
	x, y := size*(r.Float64()-.5)*8, size*(r.Float64()-.5)*8
	h := Uncut(y-size*(.4+.3*r.Float64()), y, y+size*(.4+.2*r.Float64()), x)
	h.Skull = h.Crown + size*.15*r.Float64()
	around := func(width float64) [2]float64 {
		c := h.Axis + size*.05*(r.Float64()-.5)
		return [2]float64{c - width/2, c + width/2}
	}
	h.EyesX = h.Axis + size*.04*(r.Float64()-.5)
	h.Pupils *= .85 + .3*r.Float64()
	h.Face, h.HeadSide = around(size*(.5+.2*r.Float64())), around(size*(.7+.4*r.Float64()))
	if r.IntN(2) == 0 {
		h.CutBottom = h.Chin + size*r.Float64()
	}
	if r.IntN(3) == 0 {
		h.CutLeft = leaningCut(r, h.Axis-size*(.4+r.Float64()), h.Chin+size*(r.Float64()-.2), size)
	}
	if r.IntN(3) == 0 {
		h.CutRight = leaningCut(r, h.Axis+size*(.4+r.Float64()), h.Chin+size*(r.Float64()-.2), size)
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

// randomSpec is a document of any shape with some rules, possible together or not.
func randomSpec(r *rand.Rand) *spec.Spec {
	s := &spec.Spec{WidthPx: 300 + r.IntN(400), HeightPx: 350 + r.IntN(400), Crown: []string{"", spec.CrownHair, spec.CrownSkull}[r.IntN(3)]}
	s.WidthMM, s.HeightMM = float64(s.WidthPx)*.085, float64(s.HeightPx)*.085
	w, h := s.WidthMM, s.HeightMM
	band := func(chance int, measure string, from, to, widest float64) {
		if r.IntN(100) >= chance {
			return
		}
		rule := spec.Rule{Measure: measure, Min: from + (to-from)*r.Float64(), Yields: r.IntN(4) == 0}
		if r.IntN(5) > 0 {
			hi := rule.Min + widest*(.1+.9*r.Float64())
			rule.Max = &hi
		}
		s.Rules = append(s.Rules, rule)
	}
	head := .5*h + .2*h*r.Float64()
	most := head * (1.05 + .2*r.Float64())
	s.Rules = append(s.Rules, spec.Rule{Measure: spec.HeadHeight, Min: head, Max: &most})
	band(60, spec.EyeLine, .4*h, .6*h, .15*h)
	band(60, spec.CrownGap, .01*h, .1*h, .12*h)
	band(30, spec.ChinGap, .05*h, .2*h, .2*h)
	band(30, spec.HairHeight, .5*h, .7*h, .2*h)
	band(30, spec.HairGap, 0, .1*h, .1*h)
	band(40, spec.HeadWidth, .4*h, .6*h, .2*h)
	band(40, spec.FaceWidth, .3*h, .4*h, .15*h)
	band(30, spec.PupilDistance, .1*h, .2*h, .1*h)
	band(30, spec.EyesFromLeft, .4*w, .48*w, .15*w)
	band(30, spec.FaceFromSide, .4*w, .48*w, .2*w)
	band(30, spec.SideGap, 0, .1*w, .2*w)
	band(80, spec.Centring, .44*w, .46*w, .1*w)
	return s
}

// breaks lists what a crop breaks, as a person would look for it, without the solver's algebra:
// rules that do not give way, and the picture's conditions. tolerance is in millimetres: positive to allow
// for rounding, negative to ask for more than the limits.
func breaks(h Head, s *spec.Spec, c Crop, tolerance float64, of func(spec.Rule) bool) (broken []string) {
	m := c.ToPhoto()
	at := func(x, y float64) Point { return m.Apply(Point{X: x, Y: y}) }
	w, hgt := float64(s.WidthPx), float64(s.HeightPx)
	hair, skull, eyes, chin := at(h.Axis, h.Crown), at(h.Axis, h.Skull), at(h.EyesX, h.Eyes), at(h.Axis, h.Chin)
	crown := hair
	if s.Crown == spec.CrownSkull {
		crown = skull
	}
	left, right := at(h.HeadSide[0], h.Eyes), at(h.HeadSide[1], h.Eyes)
	measures := map[string][]float64{
		spec.HeadHeight: {chin.Y - crown.Y}, spec.HairHeight: {chin.Y - hair.Y}, spec.EyeLine: {hgt - eyes.Y},
		spec.CrownGap: {crown.Y}, spec.HairGap: {hair.Y}, spec.ChinGap: {hgt - chin.Y},
		spec.HeadWidth: {left.Dist(right)}, spec.FaceWidth: {at(h.Face[0], 0).Dist(at(h.Face[1], 0))},
		spec.PupilDistance: {at(0, 0).Dist(at(h.Pupils, 0))}, spec.EyesFromLeft: {eyes.X}, spec.Centring: {chin.X},
		spec.FaceFromSide: {chin.X, w - chin.X}, spec.SideGap: {left.X, w - right.X},
	}
	for _, r := range s.Rules {
		k := hgt / s.HeightMM
		if spec.Across(r.Measure) {
			k = w / s.WidthMM
		}
		for _, v := range measures[r.Measure] {
			if of(r) && (v/k < r.Min-tolerance || v/k > r.Upper()+tolerance) {
				broken = append(broken, r.Measure)
			}
		}
	}
	px := tolerance * hgt / s.HeightMM
	below := func(p Point) bool { return at(p.X, p.Y).Y >= hgt-px }
	if !math.IsInf(h.CutBottom, 1) && !below(Point{Y: h.CutBottom}) {
		broken = append(broken, BodyBottom)
	}
	for _, p := range h.CutLeft {
		if at(p.X, p.Y).X > px && !below(p) {
			broken = append(broken, BodyLeft)
		}
	}
	for _, p := range h.CutRight {
		if at(p.X, p.Y).X < w-px && !below(p) {
			broken = append(broken, BodyRight)
		}
	}
	return broken
}

func everyRule(spec.Rule) bool  { return true }
func firmRule(r spec.Rule) bool { return !r.Yields }

// crops are the places of a grid over all crops on which a head of s can be.
func crops(h Head, s *spec.Spec, steps int) func(yield func(Crop) bool) {
	head, _ := s.Rule(spec.HeadHeight)
	w, hgt := float64(s.WidthPx), float64(s.HeightPx)
	return func(yield func(Crop) bool) {
		for i := range steps {
			mm := head.Min + (min(head.Upper(), s.HeightMM)-head.Min)*(float64(i)+.5)/float64(steps)
			scale := mm * s.PxPerMM() / (h.Chin - h.crown(s))
			for j := range 2 * steps {
				shift := hgt*(float64(j)/float64(steps)-.5) - scale*h.Crown
				for k := range steps {
					slide := w*(.35+.3*float64(k)/float64(steps)) - scale*h.Axis
					if !yield(Crop{Scale: scale, Shift: shift, Slide: slide}) {
						return
					}
				}
			}
		}
	}
}

// check holds the solver's answer against a search through a grid, which must find nothing where the
// solver finds nothing, and nothing better than the solver found.
func check(t *testing.T, h Head, s *spec.Spec, steps int) (solved, gave bool) {
	t.Helper()
	crop, conflict, ok := h.Solve(s, nil)
	if !ok {
		if len(conflict) == 0 {
			t.Fatalf("%s: refused without a reason", s.ID)
		}
		for c := range crops(h, s, steps) {
			if b := breaks(h, s, c, -.02, firmRule); len(b) == 0 {
				t.Fatalf("%s: refused for %v, but %+v does for %+v, rules %+v", s.ID, conflict, c, h, s.Rules)
			}
		}
		return false, false
	}
	if b := breaks(h, s, crop, 1e-4, firmRule); len(b) > 0 {
		t.Fatalf("%s: crop %+v of %+v breaks %v, rules %+v", s.ID, crop, h, b, s.Rules)
	}
	for _, r := range s.Rules {
		v := h.Measure(crop, s, r)
		fails := v < r.Min-1e-4 || v > r.Upper()+1e-4
		if fails != slices.Contains(breaks(h, s, crop, 1e-4, everyRule), r.Measure) {
			t.Fatalf("%s: %s is measured as %v, which is not what the photo shows", s.ID, r.Measure, v)
		}
		if fails && !slices.Contains(crop.GaveWay, r.Measure) {
			t.Fatalf("%s: %s = %v is outside %v..%v and not said to give way", s.ID, r.Measure, v, r.Min, r.Upper())
		}
	}
	gave = len(crop.GaveWay) > 0
	for c := range crops(h, s, steps) {
		if gave && len(breaks(h, s, c, -.02, everyRule)) == 0 {
			t.Fatalf("%s: %v gave way, but %+v meets every rule of %+v", s.ID, crop.GaveWay, c, h)
		}
		if !gave && len(breaks(h, s, c, 0, everyRule)) == 0 && marginOf(h, s, c) > crop.Margin+1e-6 {
			t.Fatalf("%s: margin %v, but %+v has %v", s.ID, crop.Margin, c, marginOf(h, s, c))
		}
	}
	return true, gave
}

// marginOf is a crop's smallest margin over all rules.
func marginOf(h Head, s *spec.Spec, c Crop) float64 {
	margin := 1.
	for _, b := range h.rules(s) {
		if b.Slack > 0 {
			margin = min(margin, b.value(c)/b.Slack)
		}
	}
	return margin
}

// For random heads and every record of the catalogue, and for random records: the solver's crop meets
// the rules and is the best there is, and where it finds none, none is to be found.
func TestSolveAgreesWithBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var solved, gave, refused int
	count := func(ok, yielded bool) {
		switch {
		case yielded:
			gave++
		case ok:
			solved++
		default:
			refused++
		}
	}
	for _, s := range spec.All() {
		if s.HeightPx == 0 {
			continue
		}
		for range 12 {
			count(check(t, randomHead(r), s, 12))
		}
	}
	for range 800 {
		count(check(t, randomHead(r), randomSpec(r), 12))
	}
	t.Logf("%d solved, %d with a rule that gave way, %d refused", solved, gave, refused)
	if solved < 200 || refused < 200 || gave < 50 {
		t.Error("the heads do not try every way")
	}
}

// What is named as a conflict cannot hold together, and any one of it left out makes room.
func TestConflictIsMinimal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tried := 0
	for range 1500 {
		h, s := randomHead(r), randomSpec(r)
		_, conflict, ok := h.Solve(s, nil)
		if ok {
			continue
		}
		tried++
		if _, _, ok := only(h, s, conflict); ok {
			t.Fatalf("%v can hold together for %+v", conflict, h)
		}
		for i, name := range conflict {
			if _, _, ok := only(h, s, slices.Delete(slices.Clone(conflict), i, i+1)); !ok {
				t.Fatalf("%v stays a conflict without %s for %+v, rules %+v", conflict, name, h, s.Rules)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d conflicts", tried)
	}
}

// only solves under the named rules and conditions alone.
func only(h Head, s *spec.Spec, names []string) (Crop, []string, bool) {
	few := *s
	few.Rules = nil
	for _, r := range s.Rules {
		if slices.Contains(names, r.Measure) && !r.Yields {
			few.Rules = append(few.Rules, r)
		}
	}
	if !slices.Contains(names, BodyBottom) {
		h.CutBottom = math.Inf(1)
	}
	if !slices.Contains(names, BodyLeft) {
		h.CutLeft = nil
	}
	if !slices.Contains(names, BodyRight) {
		h.CutRight = nil
	}
	return h.Solve(&few, nil)
}

func lookup(t testing.TB, id string) *spec.Spec {
	t.Helper()
	s, err := spec.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestABodyThatWouldFloatIsRefused(t *testing.T) {
	h := Uncut(-110, 0, 90, 0)
	h.CutBottom = 92 // the picture ends just below the chin
	_, conflict, ok := h.Solve(lookup(t, "passport-35x45"), nil)
	if ok || !slices.Contains(conflict, BodyBottom) {
		t.Errorf("ok %v, conflict %v; want a refusal that names %s", ok, conflict, BodyBottom)
	}
}

// An arm that the picture's edge cuts beside the photo's own edge is left out by a head a little aside;
// where nothing is cut the head stands exactly in the middle.
func TestACutArmMovesTheHeadAsideNoFurtherThanNeeded(t *testing.T) {
	s := lookup(t, "1-inch")
	h := Uncut(-110, 0, 90, 0)
	whole, _, ok := h.Solve(s, nil)
	if middle := whole.ToPhoto().Apply(Point{X: h.Axis}).X; !ok || math.Abs(middle-float64(s.WidthPx)/2) > .01 {
		t.Fatalf("uncut: the head stands at %v of %d", middle, s.WidthPx)
	}
	left := whole.ToPhoto().Inverse().Apply(Point{}).X
	h.CutLeft = []Point{{X: left + 6, Y: 100}, {X: left + 6, Y: 300}}
	h.CutBottom = 300
	aside, _, ok := h.Solve(s, nil)
	if !ok || len(breaks(h, s, aside, 1e-6, everyRule)) > 0 {
		t.Fatalf("cut: %+v, %v", aside, ok)
	}
	x := aside.ToPhoto().Apply(Point{X: h.Axis}).X
	if off := float64(s.WidthPx)/2 - x; off < .5 || off > .05*float64(s.WidthPx) {
		t.Errorf("the head moved aside by %v of %d px", off, s.WidthPx)
	}
}

// GA 461: tall hair may be cut, the eyes stay where they must be.
func TestTallHairGivesWayToTheEyeLine(t *testing.T) {
	s := lookup(t, "cn-id-card")
	h := Uncut(-190, 0, 90, 0)
	crop, conflict, ok := h.Solve(s, nil)
	if !ok || !slices.Contains(crop.GaveWay, spec.CrownGap) {
		t.Fatalf("gave way %v, conflict %v; want %s to give way", crop.GaveWay, conflict, spec.CrownGap)
	}
	if b := breaks(h, s, crop, -1e-3, firmRule); len(b) > 0 {
		t.Errorf("%v is broken, or kept without any room", b)
	}
}

// A flat cap of hair does not matter where the skull is asked for: the crop follows the skull.
func TestTheDocumentsCrownIsTheOneThatCounts(t *testing.T) {
	skull, hair := lookup(t, "ca-passport"), lookup(t, "hk-immd")
	h := Uncut(-120, 0, 90, 0)
	h.Skull = -90
	for _, s := range []*spec.Spec{skull, hair} {
		crop, _, ok := h.Solve(s, nil)
		if !ok {
			t.Fatal(s.ID)
		}
		head, _ := s.Rule(spec.HeadHeight)
		top := h.Crown
		if s == skull {
			top = h.Skull
		}
		if got := crop.Scale * (h.Chin - top) / s.PxPerMM(); got < head.Min || got > head.Upper() || math.Abs(got-h.Measure(crop, s, head)) > 1e-9 {
			t.Errorf("%s: the head is %v mm high", s.ID, got)
		}
	}
}

func TestOriginalBackgroundStaysInsideThePicture(t *testing.T) {
	s := lookup(t, "1-inch")
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

// benchmarked are heads from the simplest to the dearest.
func benchmarked() map[string]Head {
	whole := Uncut(-110, 0, 90, 0)
	cut := whole
	cut.CutBottom = 300
	for y := 100.; y < 300; y += 4 {
		cut.CutLeft = append(cut.CutLeft, Point{X: -105 + .05*y, Y: y})
		cut.CutRight = append(cut.CutRight, Point{X: 107 - .05*y, Y: y})
	}
	impossible := cut
	impossible.CutBottom = 92
	return map[string]Head{"whole": whole, "cut": cut, "impossible": impossible}
}

func BenchmarkSolve(b *testing.B) {
	for name, h := range benchmarked() {
		for _, id := range []string{"1-inch", "cn-passport", "cn-id-card", "jp-passport"} {
			b.Run(name+"/"+id, func(b *testing.B) {
				s := lookup(b, id)
				for b.Loop() {
					h.Solve(s, nil)
				}
			})
		}
	}
}
