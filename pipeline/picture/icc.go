package picture

import (
	"encoding/binary"
	"math"
)

// iccHeader opens each piece of a profile in a JPEG segment; its number and the count of pieces follow.
const iccHeader = "ICC_PROFILE\x00"

// maxProfile bounds the profiles we look at, in bytes: those that hold only a matrix and curves
// have a few hundred to some thousand bytes, those of printing presses up to some megabytes.
const maxProfile = 256 << 10

// embedded is the colour space that a file gives its pixels. The zero value is none.
type embedded struct {
	kind string // see Info.Profile; "" is "none"
	conv *conversion
}

func (e embedded) name() string {
	if e.kind == "" {
		return "none"
	}
	return e.kind
}

func (e embedded) conversion() *conversion { return e.conv }

// newEmbedded judges a profile. Pixels that are not RGB keep their own values.
func newEmbedded(profile []byte, notRGB bool) embedded {
	p, ok := parseProfile(profile)
	if !ok || notRGB {
		return embedded{kind: "unknown"}
	}
	return p.embedded()
}

// codedColour judges the code points of ITU-T H.273 as PNG's cICP and HEIC's nclx give them.
// Only the primaries count: sRGB's curve stands for the others of ordinary photos.
func codedColour(primaries, transfer int) embedded {
	const bt709, displayP3, unspecified, pq, hlg = 1, 12, 2, 16, 18
	switch {
	case transfer == pq || transfer == hlg:
		return embedded{kind: "unknown"}
	case primaries == displayP3:
		return (&rgbProfile{toXYZ: primariesP3.toD50(), curves: [3]curve{srgbToLinear, srgbToLinear, srgbToLinear}}).embedded()
	case primaries == bt709:
		return embedded{kind: "srgb"}
	case primaries == unspecified:
		return embedded{}
	}
	return embedded{kind: "unknown"}
}

// iccChunks puts the pieces of a profile in JPEG segments together, in whatever order they come.
type iccChunks struct {
	pieces [256][]byte
	count  int
	seen   int
	bytes  int
	bad    bool
}

func (c *iccChunks) add(body []byte) {
	if len(body) < 2 {
		c.bad = true
		return
	}
	i, n := int(body[0]), int(body[1])
	if i == 0 || i > n || c.count != 0 && c.count != n || c.pieces[i] != nil {
		c.bad = true
		return
	}
	c.pieces[i], c.count = body[2:], n
	c.seen++
	c.bytes += len(body) - 2
}

func (c *iccChunks) profile(components int) embedded {
	switch {
	case c.seen == 0 && !c.bad:
		return embedded{}
	case c.bad || c.seen != c.count || c.bytes > maxProfile:
		return embedded{kind: "unknown"}
	case c.count == 1:
		return newEmbedded(c.pieces[1], components != 3)
	}
	whole := make([]byte, 0, c.bytes)
	for _, p := range c.pieces[1 : c.count+1] {
		whole = append(whole, p...)
	}
	return newEmbedded(whole, components != 3)
}

// curve turns a stored value 0-1 into linear light 0-1.
type curve func(v float64) float64

// rgbProfile is a profile of three curves and a matrix to XYZ under D50.
type rgbProfile struct {
	toXYZ  matrix
	curves [3]curve
}

// ICC profile layout (ICC.1:2022, section 7): a header of 128 bytes, then a table of tags.
const (
	iccSpaceAt, iccPCSAt, iccMagicAt, iccTagsAt = 16, 20, 36, 128
	maxTags                                     = 200
)

// parseProfile reads an RGB matrix profile; ok is false for any other and for a broken one.
func parseProfile(data []byte) (p *rgbProfile, ok bool) {
	if len(data) < iccTagsAt+4 || string(data[iccMagicAt:][:4]) != "acsp" ||
		string(data[iccSpaceAt:][:4]) != "RGB " || string(data[iccPCSAt:][:4]) != "XYZ " {
		return nil, false
	}
	p = &rgbProfile{}
	for i, c := range []string{"r", "g", "b"} {
		x, y, z, ok := xyzTag(iccTag(data, c+"XYZ"))
		if !ok {
			return nil, false
		}
		p.toXYZ[0][i], p.toXYZ[1][i], p.toXYZ[2][i] = x, y, z
		if p.curves[i], ok = curveTag(iccTag(data, c+"TRC")); !ok {
			return nil, false
		}
	}
	return p, p.plausible()
}

// plausible refuses matrices whose white is far from D50, which every profile is made for, and
// numbers that no colour has: a broken profile must not paint a face blue.
func (p *rgbProfile) plausible() bool {
	for row, want := range whiteD50 {
		sum := 0.0
		for _, v := range p.toXYZ[row] {
			if math.Abs(v) > 1.2 {
				return false
			}
			sum += v
		}
		if math.Abs(sum-want) > 0.05 {
			return false
		}
	}
	return true
}

// iccTag returns the data of a tag, or nil.
func iccTag(data []byte, name string) []byte {
	n := min(int64(binary.BigEndian.Uint32(data[iccTagsAt:])), maxTags)
	for i := range n {
		at := iccTagsAt + 4 + 12*i
		if at+12 > int64(len(data)) {
			return nil
		}
		e := data[at : at+12]
		if string(e[:4]) != name {
			continue
		}
		from, size := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if from+size > int64(len(data)) {
			return nil
		}
		return data[from : from+size]
	}
	return nil
}

// s15Fixed16 is ICC's number: 16 bits before and 16 behind the point.
func s15Fixed16(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / (1 << 16) }

func xyzTag(t []byte) (x, y, z float64, ok bool) {
	if len(t) < 20 || string(t[:4]) != "XYZ " {
		return 0, 0, 0, false
	}
	return s15Fixed16(t[8:]), s15Fixed16(t[12:]), s15Fixed16(t[16:]), true
}

func curveTag(t []byte) (curve, bool) {
	if len(t) < 12 {
		return nil, false
	}
	switch string(t[:4]) {
	case "curv":
		return sampledCurve(t[12:], int64(binary.BigEndian.Uint32(t[8:])))
	case "para":
		return parametricCurve(t[12:], int(binary.BigEndian.Uint16(t[8:])))
	}
	return nil, false
}

// sampledCurve is the identity, one gamma, or n values with straight lines between them.
func sampledCurve(t []byte, n int64) (curve, bool) {
	if n < 0 || 2*n > int64(len(t)) {
		return nil, false
	}
	switch n {
	case 0:
		return func(v float64) float64 { return v }, true
	case 1:
		g := float64(binary.BigEndian.Uint16(t)) / 256
		return func(v float64) float64 { return math.Pow(v, g) }, true
	}
	return func(v float64) float64 {
		at := v * float64(n-1)
		i := min(int64(at), n-2)
		a, b := float64(binary.BigEndian.Uint16(t[2*i:])), float64(binary.BigEndian.Uint16(t[2*i+2:]))
		return (a + (b-a)*(at-float64(i))) / 65535
	}, true
}

// parametricCurve is one of the five functions of ICC.1, section 10.18, with parameters g a b c d e f.
func parametricCurve(t []byte, kind int) (curve, bool) {
	params := [...]int{1, 3, 4, 5, 7}
	if kind < 0 || kind >= len(params) || len(t) < 4*params[kind] {
		return nil, false
	}
	var p [7]float64
	for i := range params[kind] {
		p[i] = s15Fixed16(t[4*i:])
	}
	g, a, b, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	switch kind {
	case 0:
		return func(v float64) float64 { return math.Pow(v, g) }, true
	case 1, 2: // c is 0 in kind 1
		return func(v float64) float64 {
			if a*v+b < 0 {
				return c
			}
			return math.Pow(a*v+b, g) + c
		}, true
	}
	return func(v float64) float64 { // e and f are 0 in kind 3
		if v < d {
			return c*v + f
		}
		return math.Pow(a*v+b, g) + e
	}, true
}
