package face

import (
	"math"

	"idphoto/pipeline/geometry"
)

// skullOverFace is the height of the skull above the eyes over that of the eyes above the chin, as
// a camera sees an adult.
//
// Half of all men in the US Army's survey of 1988 (ANSUR, Gordon et al.) have a menton-vertex height
// of at least 232 mm, of which 112 mm lie above the sellion; the pupils lie some 6 mm below it. That
// is 118 mm above the eyes and 114 mm below, 1.035. The vertex lies some 80 mm behind the eyes, so
// that a camera 1.5 to 2 m away sees its part 4 to 5 % smaller: 0.99.
//
// One adult differs from another by some 5 % of it (one standard deviation), which no landmark of the
// face tells. A child's skull is higher over a shorter face: the younger, the more the true crown
// lies above this estimate, by a tenth at school age and more for infants.
//
// A landmark that tells a child was looked for in vain. An iris is 11.7 mm wide at all ages, but by the
// iris network's radius the eyes of five children are 56 to 100 mm apart, those of 50 adults seen from
// the front 59 to 96: it follows how far the lids are open. Chin and eyes are 1.4 to 1.8 eye distances
// apart in six children, 1.5 to 2.3 in adults.
const skullOverFace = .99

// SkullCrown estimates where the skull ends, hair not counted: on the face's axis above the eyes,
// in source pixels. It is an estimate from proportions (see skullOverFace), good to some 3 % of the
// head's height in adults and too low in children; bald heads apart, the hair's top lies above it.
func (f *Face) SkullCrown() geometry.Point {
	up := f.Up()
	chin := f.Chin.Sub(f.EyeMid())
	height := skullOverFace * -(chin.X*up.X + chin.Y*up.Y)
	return f.EyeMid().Add(geometry.Point{X: height * up.X, Y: height * up.Y})
}

// Up is the direction of the face's axis, square to the line through the eyes: a unit vector that
// points to the crown.
func (f *Face) Up() geometry.Point {
	return geometry.Point{X: math.Sin(f.Roll), Y: -math.Cos(f.Roll)}
}

// FaceWidth is the width of the face's outline where it is widest, square to its axis, in source
// pixels: from cheekbone to cheekbone (bizygomatic breadth), ears not counted.
func (f *Face) FaceWidth() float64 {
	across := geometry.Point{X: math.Cos(f.Roll), Y: math.Sin(f.Roll)}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range f.Mesh {
		x := p.X*across.X + p.Y*across.Y
		lo, hi = min(lo, x), max(hi, x)
	}
	return hi - lo
}
