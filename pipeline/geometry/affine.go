// Package geometry holds the plane geometry of a photo: points, affine maps, and the solver that
// finds the crop from a document's rules.
//
// Coordinates are continuous: pixel (i, j) covers [i, i+1) x [j, j+1), its centre is (i+.5, j+.5).
// y points down.
package geometry

import "math"

// Point is a position in pixels.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Add returns p + q.
func (p Point) Add(q Point) Point { return Point{p.X + q.X, p.Y + q.Y} }

// Sub returns p - q.
func (p Point) Sub(q Point) Point { return Point{p.X - q.X, p.Y - q.Y} }

// Mid returns the point halfway between p and q.
func (p Point) Mid(q Point) Point { return Point{(p.X + q.X) / 2, (p.Y + q.Y) / 2} }

// Dist returns the distance from p to q.
func (p Point) Dist(q Point) float64 { return math.Hypot(p.X-q.X, p.Y-q.Y) }

// Affine maps (x, y) to (A x + B y + C, D x + E y + F).
type Affine struct{ A, B, C, D, E, F float64 }

// Apply maps p.
func (m Affine) Apply(p Point) Point {
	return Point{m.A*p.X + m.B*p.Y + m.C, m.D*p.X + m.E*p.Y + m.F}
}

// Then returns the map that applies m first and n to its result.
func (m Affine) Then(n Affine) Affine {
	return Affine{
		n.A*m.A + n.B*m.D, n.A*m.B + n.B*m.E, n.A*m.C + n.B*m.F + n.C,
		n.D*m.A + n.E*m.D, n.D*m.B + n.E*m.E, n.D*m.C + n.E*m.F + n.F,
	}
}

// Inverse returns the map that undoes m, which must not be singular.
func (m Affine) Inverse() Affine {
	det := m.A*m.E - m.B*m.D
	a, b, d, e := m.E/det, -m.B/det, -m.D/det, m.A/det
	return Affine{a, b, -(a*m.C + b*m.F), d, e, -(d*m.C + e*m.F)}
}

// Scale returns by how much m enlarges lengths (for maps that keep shapes).
func (m Affine) Scale() float64 { return math.Sqrt(math.Abs(m.A*m.E - m.B*m.D)) }

// Square maps the unit-free square [0, size) x [0, size) onto a square of the given side around
// centre, turned by angle radians (clockwise as seen, since y points down).
func Square(size float64, centre Point, side, angle float64) Affine {
	s := side / size
	cos, sin := s*math.Cos(angle), s*math.Sin(angle)
	h := size / 2
	return Affine{cos, -sin, centre.X - cos*h + sin*h, sin, cos, centre.Y - sin*h - cos*h}
}

// Similarity maps x to scale*x turned by angle, then moved by t.
func Similarity(scale, angle float64, t Point) Affine {
	cos, sin := scale*math.Cos(angle), scale*math.Sin(angle)
	return Affine{cos, -sin, t.X, sin, cos, t.Y}
}

// Matrix returns m row by row.
func (m Affine) Matrix() [2][3]float64 { return [2][3]float64{{m.A, m.B, m.C}, {m.D, m.E, m.F}} }
