package check

import (
	"path/filepath"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
)

// Nothing in an ordinary portrait's light, sharpness or colours fails: dark skin, pale skin, white
// hair, a child on white. One of them is small enough to warn of enlarging.
func TestOrdinaryPortraitsDoNotFail(t *testing.T) {
	rules := Authority()
	rules.Lenient = []string{"background_uniformity"} // some stand before a flag, or in a room
	check := func(t *testing.T, path string) {
		s := portrait(t, path)
		for _, m := range imageMeasures {
			v, ok := m.take(newWork(s))
			if !ok {
				continue
			}
			if f := rules.judge(m.name, v); f.Verdict == Fail {
				t.Errorf("%s: %s = %.3f fails", filepath.Base(path), m.name, v)
			}
		}
		for _, name := range []string{"sharpness", "under_exposure", "over_exposure", "highlights", "natural_colour", "red_eye", "face_shadows"} {
			if f := Authority().judge(name, value(t, s, name)); f.Verdict != Pass {
				t.Errorf("%s: %s = %.3f: %s", filepath.Base(path), name, f.Value, f.Verdict)
			}
		}
	}
	t.Run("own", func(t *testing.T) {
		check(t, astronaut)
		check(t, hopper)
	})
	t.Run("shared", func(t *testing.T) {
		for _, path := range sharedPortraits(t) {
			check(t, path)
		}
	})
}

// What was done to a picture is found by the measure that is for it, whoever is on the picture.
func TestBadPicturesAreFound(t *testing.T) {
	grey := func(geometry.Point) [3]float64 { return [3]float64{205, 205, 205} }
	bad := []struct {
		name, measure string
		least         Verdict // warn, or fail
		make          func(s *Subject) *Subject
	}{
		{"out of focus by 4 %", "sharpness", Warn, func(s *Subject) *Subject { return blurred(s, .04, .04) }},
		{"out of focus by 6 %", "sharpness", Fail, func(s *Subject) *Subject { return blurred(s, .06, .06) }},
		{"out of focus, noisy", "sharpness", Warn, func(s *Subject) *Subject { return noisy(blurred(s, .04, .04), 4) }},
		{"moved sideways", "sharpness", Warn, func(s *Subject) *Subject { return blurred(s, .06, 0) }},
		{"moved up and down", "sharpness", Warn, func(s *Subject) *Subject { return blurred(s, 0, .06) }},
		{"enlarged thumbnail", "sharpness", Warn, func(s *Subject) *Subject { return enlarged(s, 20) }},
		{"quality 5", "compression_artefacts", Fail, func(s *Subject) *Subject { return recompressed(t, s, 5) }},
		{"quality 5, in its file", "jpeg_quality", Warn, func(s *Subject) *Subject { return recompressed(t, s, 5) }},
		{"quality 20", "compression_artefacts", Warn, func(s *Subject) *Subject { return recompressed(t, s, 20) }},
		{"gamma 3", "under_exposure", Warn, func(s *Subject) *Subject { return toned(s, func(v float64) float64 { return v * v * v }) }},
		{"dark", "highlights", Fail, func(s *Subject) *Subject { return toned(s, func(v float64) float64 { return .4 * v }) }},
		{"burnt", "over_exposure", Fail, func(s *Subject) *Subject { return toned(s, func(v float64) float64 { return 1.7 * v }) }},
		{"fog", "dynamic_range", Warn, func(s *Subject) *Subject { return toned(s, func(v float64) float64 { return .5 + v/4 }) }},
		{"left in shadow", "illumination_uniformity", Fail, func(s *Subject) *Subject { return halfShaded(s, -1, .2) }},
		{"right in shadow", "illumination_uniformity", Fail, func(s *Subject) *Subject { return halfShaded(s, 1, .2) }},
		{"red pupils", "red_eye", Warn, func(s *Subject) *Subject { return redEyed(s, .4) }},
		{"green", "natural_colour", Warn, func(s *Subject) *Subject { return tinted(s, [3]float64{.8, 1.1, .8}) }},
		{"blue", "natural_colour", Warn, func(s *Subject) *Subject { return tinted(s, [3]float64{.7, .85, 1.2}) }},
		{"black and white", "natural_colour", Warn, greyscale},
		{"black and white, noted", "colourfulness", Note, greyscale},
		{"stripes", "background_uniformity", Warn, func(s *Subject) *Subject {
			return onWall(s, func(at geometry.Point) [3]float64 {
				if int(at.X*3+100)%2 == 0 {
					return [3]float64{230, 230, 230}
				}
				return [3]float64{150, 160, 190}
			})
		}},
		{"shadow on the wall", "background_shadow", Warn, func(s *Subject) *Subject {
			return onWall(s, func(at geometry.Point) [3]float64 {
				rgb := grey(at)
				if at.Dist(geometry.Point{X: .5, Y: .2}) < 1.7 {
					for c := range rgb {
						rgb[c] *= .7
					}
				}
				return rgb
			})
		}},
	}
	paths := []string{hopper, astronaut}
	if !testing.Short() {
		t.Run("shared", func(t *testing.T) {
			for _, path := range sharedPortraits(t) {
				switch filepath.Base(path) { // dark skin, long hair, white hair
				case "s03_idpass1.png", "s04_idpass2.png", "s07_gates.jpg":
					paths = append(paths, path)
				}
			}
		})
	}
	for _, path := range paths {
		s := portrait(t, path)
		s.File = nil
		for _, b := range bad {
			switch {
			case b.measure == "background_shadow" && path == astronaut:
				continue // her hair covers the shadow
			case b.name == "burnt" && filepath.Base(path) == "s03_idpass1.png":
				continue // dark skin keeps its drawing in that much light
			}
			f := Authority().judge(b.measure, value(t, b.make(s), b.measure))
			if f.Verdict == Pass || b.least == Fail && f.Verdict != Fail {
				t.Errorf("%s, %s: %s = %.3f: %s, want %s", filepath.Base(path), b.name, b.measure, f.Value, f.Verdict, b.least)
			}
		}
		if f := Authority().judge("background_shadow", value(t, onWall(s, grey), "background_shadow")); f.Verdict != Pass {
			t.Errorf("%s on a grey wall: %+v", filepath.Base(path), f)
		}
	}
}

// Sharpness is a property of the face, not of the picture: contrast and size change it little.
func TestSharpnessDependsOnNeitherContrastNorSize(t *testing.T) {
	s := portrait(t, hopper)
	soft := blurred(s, .025, .025)
	want := value(t, soft, "sharpness")
	for name, other := range map[string]*Subject{
		"half the contrast": toned(soft, func(v float64) float64 { return .25 + v/2 }),
		"twice as large":    blurred(scaled(s, 2), .025, .025),
	} {
		if got := value(t, other, "sharpness"); got < .75*want || got > 1.33*want {
			t.Errorf("%s: %.1f, was %.1f", name, got, want)
		}
	}
	// A Gaussian blur of .025 eye distances leaves half the contrast at 7.5 line pairs; the picture's
	// own blur comes on top, and lids are lines, not edges, which makes them seem a little sharper.
	if want < 7 || want > 13 {
		t.Errorf("sharpness %.1f of a face blurred to about 7.5", want)
	}
	last := 1e9
	for _, sigma := range []float64{.01, .02, .03, .05, .08} {
		v := value(t, blurred(s, sigma, sigma), "sharpness")
		if v >= last {
			t.Errorf("blurred by %v: sharpness %.1f, was %.1f with less", sigma, v, last)
		}
		last = v
	}
}

func TestJPEGQualityOfAFile(t *testing.T) {
	s := portrait(t, astronaut)
	for _, q := range []int{25, 40, 75, 95} {
		if got := value(t, recompressed(t, s, q), "jpeg_quality"); got < float64(q)-1.5 || got > float64(q)+1.5 {
			t.Errorf("written at %d: %.1f", q, got)
		}
	}
	for name, file := range map[string][]byte{
		"none": nil, "PNG": s.File, "cut": {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, 1, 2},
		"length below two": {0xff, 0xd8, 0xff, 0xdb, 0, 0, 0xff, 0xdb, 0, 0},
	} {
		if sum := lumaTableSum(file); sum != 0 {
			t.Errorf("%s: table adds up to %d", name, sum)
		}
	}
}

func TestUpscaleIsCalledCoarse(t *testing.T) {
	for v, want := range map[float64]Verdict{.4: Pass, 1.2: Pass, 1.5: Warn, 2.5: Fail} {
		f := Authority().judge("upscale", value(t, &Subject{Face: portrait(t, hopper).Face, Upscale: v}, "upscale"))
		if f.Verdict != want || f.Code != fault.TooCoarse {
			t.Errorf("upscale %v: %+v, want %s", v, f, want)
		}
	}
}

func TestLab(t *testing.T) {
	// From the CIE's formulas with sRGB's matrix and D65.
	for rgb, want := range map[[3]uint8]lab{
		{255, 255, 255}: {100, 0, 0}, {0, 0, 0}: {0, 0, 0}, {119, 119, 119}: {50.03, 0, 0},
		{255, 0, 0}: {53.24, 80.09, 67.20}, {0, 0, 255}: {32.30, 79.19, -107.86}, {10, 12, 8}: {3.12, -1.12, 1.36},
	} {
		if got := labOf(rgb[0], rgb[1], rgb[2]); got.deltaE(want) > .3 {
			t.Errorf("%v = %+v, want %+v", rgb, got, want)
		}
	}
}

func TestBackgroundColour(t *testing.T) {
	s := onWall(portrait(t, hopper), func(geometry.Point) [3]float64 { return [3]float64{0x43, 0x8e, 0xdb} })
	want := labOf(0x43, 0x8e, 0xdb)
	got := lab{float32(value(t, s, "background_lightness")), float32(value(t, s, "background_a")), float32(value(t, s, "background_b"))}
	if got.deltaE(want) > 2 {
		t.Errorf("background %+v, want %+v", got, want)
	}
	// Nothing can be said of a background that no matte shows.
	s.Alpha = nil
	if _, ok := backgroundUniformity(newWork(s)); ok {
		t.Error("background measured without a matte")
	}
}

// The budget of all measures of the image is 8 ms on a quiet machine.
func BenchmarkImageMeasures(b *testing.B) {
	s := portrait(b, hopper)
	for b.Loop() {
		w := newWork(s)
		for _, m := range imageMeasures {
			m.take(w)
		}
	}
}
