package picture

import (
	"math"
	"sync"
)

type matrix [3][3]float64

func (m matrix) mul(o matrix) (out matrix) {
	for i := range 3 {
		for j := range 3 {
			out[i][j] = m[i][0]*o[0][j] + m[i][1]*o[1][j] + m[i][2]*o[2][j]
		}
	}
	return out
}

func (m matrix) times(v [3]float64) (out [3]float64) {
	for i := range 3 {
		out[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return out
}

// inverse of a matrix that has one: all of ours are of real colour spaces.
func (m matrix) inverse() (out matrix) {
	minor := func(i, j int) float64 {
		a, b := (i+1)%3, (i+2)%3
		c, d := (j+1)%3, (j+2)%3
		return m[a][c]*m[b][d] - m[a][d]*m[b][c]
	}
	det := m[0][0]*minor(0, 0) + m[0][1]*minor(0, 1) + m[0][2]*minor(0, 2)
	for i := range 3 {
		for j := range 3 {
			out[j][i] = minor(i, j) / det
		}
	}
	return out
}

// primaries are the chromaticities x, y of red, green and blue under white D65.
type primaries [3][2]float64

var (
	primariesSRGB  = primaries{{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}       // IEC 61966-2-1
	primariesP3    = primaries{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}} // SMPTE EG 432-1
	primariesAdobe = primaries{{0.64, 0.33}, {0.21, 0.71}, {0.15, 0.06}}       // Adobe RGB (1998)

	whiteD50 = [3]float64{0.9642, 1, 0.8249} // ICC.1, section 7.2.16
	whiteD65 = xyzOf(0.3127, 0.3290)

	// bradford turns XYZ into the responses in which white points are adapted (ICC.1, annex E).
	bradford = matrix{{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}
)

func xyzOf(x, y float64) [3]float64 { return [3]float64{x / y, 1, (1 - x - y) / y} }

// toD50 is the matrix from linear RGB of these primaries to XYZ, adapted to D50 as in a profile.
func (p primaries) toD50() matrix {
	var m matrix
	for i, c := range p {
		for row, v := range xyzOf(c[0], c[1]) {
			m[row][i] = v
		}
	}
	scale := m.inverse().times(whiteD65)
	for row := range 3 {
		for i := range 3 {
			m[row][i] *= scale[i]
		}
	}
	from, to := bradford.times(whiteD65), bradford.times(whiteD50)
	adapt := matrix{{to[0] / from[0], 0, 0}, {0, to[1] / from[1], 0}, {0, 0, to[2] / from[2]}}
	return bradford.inverse().mul(adapt).mul(bradford).mul(m)
}

// near reports whether two matrices are the same to the precision of real profiles, which round
// the primaries and the white each in their own way.
func (m matrix) near(o matrix) bool {
	for i := range 3 {
		for j := range 3 {
			if math.Abs(m[i][j]-o[i][j]) > 0.004 {
				return false
			}
		}
	}
	return true
}

func srgbToLinear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func linearToSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

func gamma22(v float64) float64 { return math.Pow(v, 563.0/256) } // Adobe RGB (1998), 4.3.4.2

// embedded names the profile and makes its conversion. One that is sRGB but for rounding needs none.
func (p *rgbProfile) embedded() embedded {
	switch {
	case p.hasCurve(srgbToLinear) && p.toXYZ.near(primariesSRGB.toD50()):
		return embedded{kind: "srgb"}
	case p.hasCurve(srgbToLinear) && p.toXYZ.near(primariesP3.toD50()):
		return embedded{"display-p3", newConversion(p)}
	case p.hasCurve(gamma22) && p.toXYZ.near(primariesAdobe.toD50()):
		return embedded{"adobe-rgb", newConversion(p)}
	}
	return embedded{"matrix", newConversion(p)}
}

// hasCurve reports whether all three curves follow want to within one step of 8 bits.
func (p *rgbProfile) hasCurve(want curve) bool {
	for _, c := range p.curves {
		for v := 0.0; v <= 1; v += 1.0 / 32 {
			if off := math.Abs(linearToSRGB(c(v)) - linearToSRGB(want(v))); !(off <= 1.0/255) { // NaN as well
				return false
			}
		}
	}
	return true
}

// Linear light has linearBits behind the point while it goes through the matrix: enough that the
// darkest steps of sRGB stay apart.
const (
	linearBits = 14
	linearOne  = 1 << linearBits
	factorBits = 12
)

// conversion turns 8-bit RGB of a matrix profile into sRGB.
type conversion struct {
	linear [3][256]int32
	matrix [3][3]int32
}

func newConversion(p *rgbProfile) *conversion {
	c := &conversion{}
	m := primariesSRGB.toD50().inverse().mul(p.toXYZ)
	for i := range 3 {
		for v := range 256 {
			l := p.curves[i](float64(v) / 255)
			if !(l > 0) { // NaN as well
				l = 0
			}
			c.linear[i][v] = int32(math.Round(min(l, 1) * linearOne))
		}
		for j := range 3 {
			c.matrix[i][j] = int32(math.Round(m[i][j] * (1 << factorBits)))
		}
	}
	return c
}

// encodeSRGB maps linear light to 8 bits.
var encodeSRGB = sync.OnceValue(func() *[linearOne + 1]byte {
	var t [linearOne + 1]byte
	for i := range t {
		t[i] = byte(math.Round(255 * linearToSRGB(float64(i)/linearOne)))
	}
	return &t
})

// apply converts opaque RGBA pixels in place. A nil conversion changes nothing. Colours that sRGB
// cannot show are clipped.
func (c *conversion) apply(pix []byte) {
	if c == nil {
		return
	}
	encode := encodeSRGB()
	m := &c.matrix
	for i := 0; i+3 < len(pix); i += 4 {
		p := pix[i : i+3 : i+3]
		r, g, b := c.linear[0][p[0]], c.linear[1][p[1]], c.linear[2][p[2]]
		for k := range p {
			v := (m[k][0]*r + m[k][1]*g + m[k][2]*b + 1<<(factorBits-1)) >> factorBits
			p[k] = encode[min(max(v, 0), linearOne)]
		}
	}
}
