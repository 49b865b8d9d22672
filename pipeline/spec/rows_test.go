package spec

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// published are the figures of the research notes on photo specifications, row by row, typed in from
// there and not from the data files: "size @dpi; measure from-to unit; ...; file KB; background; policy; grade".
// What a row leaves out (-) the record must leave to our own composition.
var published = map[string]string{
	"passport-35x45":              "35x45 413x531@300; head_height 70-80 %; eye_line 50-60 %; pupil_distance 90- px; plain light; B",
	"1-inch":                      "25x35 295x413@300; B",
	"small-1-inch":                "22x32 260x378@300; B",
	"large-1-inch":                "33x48 390x567@300; B",
	"2-inch":                      "35x53 413x626@300; note; C",
	"2-inch-35x49":                "35x49 413x579@300; note; C",
	"small-2-inch":                "35x45 413x531@300; note; C",
	"large-2-inch":                "35x53 413x626@300; C",
	"cn-id-card":                  "26x32 358x441@350; face_width 193-221 px; eye_line 207- px; crown_gap 7-21 px; 14-20 KB q70; white; B",
	"cn-social-security":          "26x32 358x441@350; face_width 179-255 px; eye_line 207- px; eyes_from_left 162-196 px; crown_gap 7-21 px; 14-40 KB q70; white; note; B",
	"cn-driving-licence":          "22x32 260x378@300; head_height 224-260 px; head_width 165-189 px; crown_gap 10-20 px; 14-30 KB q70; white; B",
	"cn-driving-licence-print":    "22x32 260x378@300; head_height 19-22 mm; head_width 14-16 mm; crown_gap 10-20 px; white; B",
	"cn-passport":                 "33x48 390x567@300; head_height 28-33 mm; eye_line 321-415 px; head_width 21-24 mm; white; C",
	"cn-passport-child":           "33x48 390x567@300; head_height 28-33 mm; eye_line 274-415 px; head_width 21-24 mm; white; C",
	"cn-passport-digital":         "33x48 390x567@300; head_height 354-402 px; eye_line 321-415 px; face_width 189-283 px; pupil_distance 82-118 px; 40-50 KB q85; white; C",
	"cn-passport-digital-child":   "33x48 390x567@300; head_height 354-402 px; eye_line 274-415 px; face_width 189-283 px; pupil_distance 82-118 px; 40-50 KB q85; white; C",
	"cn-consular-passport":        "33x48 390x567@300; head_height 28-33 mm; head_width 15-22 mm; crown_gap 3-5 mm; chin_gap 7- mm; white; crop_only; B",
	"cn-consular-passport-upload": "354x472@300; 30-80 KB; white; crop_only; X",
	"cn-exit-permit":              "33x48 390x567@300; head_height 28-33 mm; head_width 21-24 mm; white; C",
	"cn-visa":                     "33x48 390x567@300; head_height 28-33 mm; head_width 15-22 mm; crown_gap 3-5 mm; tilt 20; white; note; B",
	"cn-visa-upload":              "354x472@300; eye_line 256- px; crown_gap 10-70 px; tilt 20; 40-120 KB; white; sizes 354x472-420x560; B",
	"cn-ncre":                     "33x48 390x567@300; 20-200 KB; light blue (some provinces); sizes 144x192-; note; B",
	"cn-teacher":                  "25x35 295x413@300; 0-200 KB; white; note; C",
	"cn-teacher-360x480":          "360x480@300; 0-200 KB; white; note; C",
	"cn-teacher-150x200":          "150x200@300; 0-200 KB; white; note; C",
	"us-passport":                 "50.8x50.8 600x600@300; head_height 25-35 mm; eye_line 28-35 mm; white; crop_only; A",
	"us-passport-online":          "unsized; 54-10000 KB; white; crop_only; C",
	"us-ds-160":                   "50.8x50.8 600x600@300; head_height 50-69 %; eye_line 56-69 %; 0-240 KB; white; sizes 600x600-1200x1200; B",
	"us-dv":                       "50.8x50.8 600x600@300; head_height 50-69 %; eye_line 56-69 %; 0-240 KB; white; sizes 600x600-600x600; C",
	"us-51x51":                    "50.8x50.8 600x600@300; head_height 25-35 mm; eye_line 28-35 mm; white; A",
	"schengen-visa":               "35x45 413x531@300; head_height 32-36 mm; light grey; note; B",
	"de-passport":                 "35x45 827x1063@600; head_height 32-36 mm; eye_line 22-32 mm; plain light, in contrast to the person; note; B",
	"de-passport-child":           "35x45 827x1063@600; head_height 17-40 mm; eye_line 18-32 mm; plain light, in contrast to the person; B",
	"uk-passport":                 "35x45 413x531@300; head_height 29-34 mm; cream; crop_only; B",
	"uk-passport-digital":         "600x750@300; 50-10000 KB; plain light; sizes 600x750-; crop_only; B",
	"in-passport":                 "35x45 630x810@300; head_height 80-85 %; 0-250 KB; white; note; C",
	"in-evisa":                    "50.8x50.8 600x600@300; head_height 25-35 mm; 10-1000 KB; white; sizes 350x350-1000x1000; note; B",
	"in-oci":                      "50.8x50.8 600x600@300; light; sizes 200x200-1500x1500; note; C",
	"jp-passport":                 "35x45 413x531@300; head_height 32-36 mm; crown_gap 2-6 mm; chin_gap 5-9 mm; face_from_side 15-19 mm; plain, without shadow; crop_only; note; B",
	"jp-visa":                     "35x45 413x531@300; head_height 29-34 mm; white; note; C",
	"jp-visa-45x45":               "45x45 531x531@300; head_height 29-34 mm; white; note; C",
	"jp-residence":                "30x40 354x472@300; white; C",
	"kr-passport":                 "35x45 413x531@300; head_height 32-36 mm; uniform white; crop_only; note; B",
	"kr-passport-digital":         "35x45 413x531@300; head_height 32-36 mm; 0-500 KB; uniform white; crop_only; note; C",
	"ca-passport":                 "50x70 591x827@300; head_height 31-36 mm; white; crop_only; B",
	"ca-passport-digital":         "50x70 715x1000@300; head_height 31-36 mm; white; sizes 715x1000-2000x2800; crop_only; C",
	"ca-visa":                     "35x45 827x1063@600; head_height 31-36 mm; 60-4000 KB; white; sizes 420x540-; note; B",
	"au-passport":                 "35x45 413x531@300; head_height 32-36 mm; white; sizes 35x45-40x50; crop_only; A",
	"nz-passport":                 "35x45 413x531@300; head_height 70-80 %; plain light; A",
	"nz-passport-digital":         "900x1200@300; head_height 70-80 %; 250-10000 KB; plain light; sizes 900x1200-4500x6000; note; A",
	"sg-ica":                      "35x45 400x514@300; head_height 25-35 mm; 0-2000 KB; white; crop_only; note; A",
	"hk-immd":                     "40x50 945x1181@600; head_height 32-36 mm; white; A",
	"hk-immd-digital":             "1200x1600@300; 0-5000 KB; white; sizes 1200x1600-; A",
	"tw-passport":                 "35x45 413x531@300; head_height 32-36 mm; white; B",
	"my-passport":                 "35x50 413x591@300; head_height 26-30 mm; white; note; C",
	"my-student-pass":             "35x45 413x531@300; head_height 26-30 mm; white; crop_only; A",
	"th-visa":                     "40x60 472x709@300; white; X",
	"vn-visa":                     "40x60 472x709@300; white; X",
	"id-passport":                 "40x60 472x709@300; red; note; X",
	"id-passport-35x45":           "35x45 413x531@300; red; note; X",
}

// derived are rules that a record has beside the published ones: proportions with a tolerance of ours, or
// borrowed from a sister document, as their sources say.
var derived = map[string][]string{
	"cn-ncre":           {HeadHeight, CrownGap, ChinGap, SideGap},
	"cn-passport":       {CrownGap, ChinGap},
	"cn-passport-child": {CrownGap, ChinGap},
	"tw-passport":       {SideGap}, // "hair must not touch the border"
}

func TestEveryFigureIsThePublishedOne(t *testing.T) {
	for _, s := range All() {
		row, ok := published[s.ID]
		if !ok {
			t.Errorf("%s is in no row", s.ID)
			continue
		}
		if got := figures(s, derived[s.ID]); got != strings.TrimSpace(row) {
			t.Errorf("%s\n has  %s\n want %s", s.ID, got, row)
		}
	}
	if len(published) != len(All()) {
		t.Errorf("%d rows for %d records", len(published), len(All()))
	}
}

// figures writes a record as the rows do, in the rows' units (to a tenth: micrometres round) and their order of measures.
func figures(s *Spec, derived []string) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	switch {
	case !s.sized():
		add("unsized")
	case s.Nominal:
		add("%dx%d@%d", s.WidthPx, s.HeightPx, s.DPI)
	default:
		add("%gx%g %dx%d@%d", s.WidthMM, s.HeightMM, s.WidthPx, s.HeightPx, s.DPI)
	}
	for _, measure := range strings.Fields(published[s.ID]) {
		r, ok := s.Rule(measure)
		if !ok {
			continue
		}
		unit := strings.TrimSuffix(strings.Fields(published[s.ID][strings.Index(published[s.ID], measure):])[2], ";")
		side, px := s.side(measure)
		per := map[string]float64{"mm": 1, "px": float64(px) / side, "%": 100 / side}[unit]
		hi := ""
		if r.Max != nil {
			hi = fmt.Sprint(math.Round(*r.Max*per*10) / 10)
		}
		add("%s %v-%s %s", measure, math.Round(r.Min*per*10)/10, hi, unit)
	}
	for _, r := range s.Rules {
		known := strings.Contains(published[s.ID], r.Measure+" ")
		for _, d := range derived {
			known = known || d == r.Measure
		}
		if !known && r.Grade != houseGrade {
			add("unpublished %s of grade %s", r.Measure, r.Grade)
		}
	}
	if s.Tilt != nil {
		add("tilt %g", s.Tilt.Degrees)
	}
	if f := s.File; f != nil {
		quality := ""
		if f.Quality > 0 {
			quality = fmt.Sprintf(" q%d", f.Quality)
		}
		add("%g-%g KB%s", f.MinKB, f.MaxKB, quality)
	}
	if s.Backdrop != nil {
		first, _, _ := strings.Cut(s.Backdrop.Accepts[0], ", no border")
		add("%s", first)
	}
	if z := s.Sizes; z != nil {
		hi := ""
		if z.Max != nil {
			hi = fmt.Sprintf("%gx%g", z.Max[0], z.Max[1])
		}
		add("sizes %gx%g-%s", z.Min[0], z.Min[1], hi)
	}
	if s.Editing.Policy == CropOnly {
		add("crop_only")
	}
	if strings.Contains(published[s.ID], "; note;") && s.Note != nil {
		add("note")
	}
	add("%s", s.Grade)
	return strings.Join(words, "; ")
}
