package picture

import (
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
)

// Colour spaces as their publishers give them: red, green and blue in XYZ under D50.
var (
	adobeXYZ = [3][3]float64{{0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}}
	p3XYZ    = [3][3]float64{{0.51512, 0.24120, -0.00105}, {0.29198, 0.69225, 0.04189}, {0.15710, 0.06657, 0.78407}}
	srgbXYZ  = [3][3]float64{{0.43607, 0.22249, 0.01392}, {0.38515, 0.71687, 0.09708}, {0.14307, 0.06061, 0.71410}}
	proXYZ   = [3][3]float64{{0.79767, 0.28804, 0.00000}, {0.13519, 0.71188, 0.00000}, {0.03134, 0.00008, 0.82491}} // ROMM RGB
)

func fix(v float64) uint32 { return uint32(int32(math.Round(v * 65536))) }

// gammaCurve is a curv tag of one gamma; srgbCurve a para tag; tableCurve a curv tag of samples.
func gammaCurve(g float64) []byte {
	b := append([]byte("curv\x00\x00\x00\x00"), 0, 0, 0, 1)
	return binary.BigEndian.AppendUint16(b, uint16(math.Round(g*256)))
}

func srgbCurve() []byte {
	b := append([]byte("para\x00\x00\x00\x00"), 0, 3, 0, 0)
	for _, v := range []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045} {
		b = binary.BigEndian.AppendUint32(b, fix(v))
	}
	return b
}

func tableCurve(n int, f func(v float64) float64) []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), uint32(n))
	for i := range n {
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(65535*f(float64(i)/float64(n-1)))))
	}
	return b
}

// profile writes a minimal ICC matrix profile.
func profile(xyz [3][3]float64, trc []byte) []byte {
	head := make([]byte, 128)
	copy(head[12:], "mntrRGB XYZ ")
	copy(head[36:], "acsp")
	tags := binary.BigEndian.AppendUint32(nil, 6)
	var body []byte
	put := func(name string, data []byte) {
		tags = append(tags, name...)
		tags = binary.BigEndian.AppendUint32(tags, uint32(128+4+6*12+len(body)))
		tags = binary.BigEndian.AppendUint32(tags, uint32(len(data)))
		body = append(body, data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	for i, c := range []string{"r", "g", "b"} {
		b := []byte("XYZ \x00\x00\x00\x00")
		for _, v := range xyz[i] {
			b = binary.BigEndian.AppendUint32(b, fix(v))
		}
		put(c+"XYZ", b)
		put(c+"TRC", trc)
	}
	out := slices.Concat(head, tags, body)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}

// withProfile puts a profile into a JPEG in pieces of at most n bytes, the last one first.
func withProfile(jpg, profile []byte, n int) []byte {
	pieces := slices.Collect(slices.Chunk(profile, n))
	for i, p := range pieces {
		jpg = withSegment(jpg, markAPP2, slices.Concat([]byte(iccHeader), []byte{byte(i + 1), byte(len(pieces))}, p))
	}
	return jpg
}

func flat(c color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = c.R, c.G, c.B, 255
	}
	return m
}

// Values that are not plain are what Little CMS (relative colorimetric) makes of the same profiles.
func TestMatrixProfilesBecomeSRGB(t *testing.T) {
	linear := func(v float64) float64 { return v }
	for name, tc := range map[string]struct {
		profile  []byte
		kind     string
		in, want color.RGBA
	}{
		"P3 skin":               {profile(p3XYZ, srgbCurve()), "display-p3", color.RGBA{220, 170, 140, 255}, color.RGBA{229, 167, 135, 255}},
		"P3 grey":               {profile(p3XYZ, srgbCurve()), "display-p3", color.RGBA{128, 128, 128, 255}, color.RGBA{128, 128, 128, 255}},
		"P3 red is clipped":     {profile(p3XYZ, srgbCurve()), "display-p3", color.RGBA{255, 0, 0, 255}, color.RGBA{255, 0, 0, 255}},
		"P3, curve as a table":  {profile(p3XYZ, tableCurve(1024, srgbToLinear)), "display-p3", color.RGBA{60, 90, 150, 255}, color.RGBA{50, 91, 155, 255}},
		"Adobe skin":            {profile(adobeXYZ, gammaCurve(2.2)), "adobe-rgb", color.RGBA{200, 160, 140, 255}, color.RGBA{215, 161, 140, 255}},
		"Adobe grey":            {profile(adobeXYZ, gammaCurve(2.2)), "adobe-rgb", color.RGBA{128, 128, 128, 255}, color.RGBA{128, 128, 128, 255}},
		"Adobe white":           {profile(adobeXYZ, gammaCurve(2.2)), "adobe-rgb", color.RGBA{255, 255, 255, 255}, color.RGBA{255, 255, 255, 255}},
		"sRGB stays":            {profile(srgbXYZ, srgbCurve()), "srgb", color.RGBA{220, 170, 140, 255}, color.RGBA{220, 170, 140, 255}},
		"linear sRGB":           {profile(srgbXYZ, tableCurve(2, linear)), "matrix", color.RGBA{55, 55, 55, 255}, color.RGBA{128, 128, 128, 255}},
		"linear, no table":      {profile(srgbXYZ, tableCurve(0, linear)), "matrix", color.RGBA{55, 55, 55, 255}, color.RGBA{128, 128, 128, 255}},
		"ROMM, a wide gamut":    {profile(proXYZ, gammaCurve(1.8)), "matrix", color.RGBA{150, 120, 110, 255}, color.RGBA{192, 131, 127, 255}},
		"broken is taken as it": {profile(srgbXYZ, srgbCurve())[:150], "unknown", color.RGBA{220, 170, 140, 255}, color.RGBA{220, 170, 140, 255}},
	} {
		t.Run(name, func(t *testing.T) {
			jpg := asJPEG(t, flat(tc.in))
			for where, data := range map[string][]byte{
				"JPEG":           withProfile(jpg, tc.profile, 60000),
				"JPEG, in parts": withProfile(jpg, tc.profile, 100),
				"PNG":            withChunk(asPNG(t, flat(tc.in)), "iCCP", iccpBody(t, tc.profile)),
				"TIFF":           asTIFF(flat(tc.in), binary.LittleEndian, 1, tc.profile),
				"WebP":           withRIFFChunk(losslessWebP(t, tc.in), "ICCP", tc.profile),
			} {
				p := decode(t, data)
				if got := p.Info().Profile; got != tc.kind {
					t.Errorf("%s: profile = %q, want %q", where, got, tc.kind)
				}
				wantPixels(t, p, tc.want, 2)
			}
		})
	}
}

// inDisplayP3 is what a Display P3 picture with the values of m looks like in sRGB.
func inDisplayP3(m *image.RGBA) *image.RGBA {
	out := image.NewRGBA(m.Rect)
	for i := 0; i < len(m.Pix); i += 4 {
		c := toSRGB(p3XYZ, srgbToLinear, float64(m.Pix[i]), float64(m.Pix[i+1]), float64(m.Pix[i+2]))
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = c.R, c.G, c.B, 255
	}
	return out
}

// toSRGB goes through XYZ with the published inverse of sRGB's matrix under D50.
func toSRGB(xyz [3][3]float64, curve func(float64) float64, rgb ...float64) color.RGBA {
	fromXYZ := [3][3]float64{{3.1338561, -1.6168667, -0.4906146}, {-0.9787684, 1.9161415, 0.0334540}, {0.0719453, -0.2289914, 1.4052427}}
	var v [3]float64
	for i, c := range rgb {
		for k := range 3 {
			v[k] += xyz[i][k] * curve(c/255)
		}
	}
	var out [3]uint8
	for i, row := range fromXYZ {
		l := min(max(row[0]*v[0]+row[1]*v[1]+row[2]*v[2], 0), 1)
		if l <= 0.0031308 {
			l *= 12.92
		} else {
			l = 1.055*math.Pow(l, 1/2.4) - 0.055
		}
		out[i] = uint8(math.Round(255 * l))
	}
	return color.RGBA{out[0], out[1], out[2], 255}
}
