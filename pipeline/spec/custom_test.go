package spec

import (
	"errors"
	"testing"

	"idphoto/pipeline/fault"
)

func TestSizesOfTheCustomersOwn(t *testing.T) {
	for name, want := range map[string]struct {
		id        string
		w, h, dpi int
	}{
		"35x45mm":             {"35x45mm@300dpi", 413, 531, 300},
		"35 × 45 mm":          {"35x45mm@300dpi", 413, 531, 300},
		"35*45毫米":             {"35x45mm@300dpi", 413, 531, 300},
		"35x45mm@600dpi":      {"35x45mm@600dpi", 827, 1063, 600},
		"35.5X45.25MM@72DPI":  {"35.5x45.25mm@72dpi", 101, 128, 72},
		"413x531px":           {"413x531px@300dpi", 413, 531, 300},
		"413x531像素@1200dpi":   {"413x531px@1200dpi", 413, 531, 1200},
		"0050.80x50.8mm":      {"50.8x50.8mm@300dpi", 600, 600, 300},
		"60x40mm":             {"60x40mm@300dpi", 709, 472, 300},
		"50x70mm @ 1200 dpi":  {"50x70mm@1200dpi", 2362, 3307, 1200},
		"20x27mm@72dpi":       {"20x27mm@72dpi", 57, 77, 72},
		"64x64px@72dpi":       {"64x64px@72dpi", 64, 64, 72},
		"2000x4000px@1200dpi": {"2000x4000px@1200dpi", 2000, 4000, 1200},
	} {
		s, err := Lookup(name)
		if err != nil {
			t.Errorf("Lookup(%q): %v", name, err)
			continue
		}
		if s.ID != want.id || s.WidthPx != want.w || s.HeightPx != want.h || s.DPI != want.dpi {
			t.Errorf("Lookup(%q) = %s, %dx%d at %d dpi; want %+v", name, s.ID, s.WidthPx, s.HeightPx, s.DPI, want)
		}
		if s.Document != Custom || s.Grade != "house" || !s.Available {
			t.Errorf("%s: document %s, grade %s, available %v: no authority stands behind it", s.ID, s.Document, s.Grade, s.Available)
		}
	}
	for _, name := range []string{"35x45cm", "413.5x531px", "35x45mm@300", "35x45mmm", "x45mm", "35xmm", "1e3x1e3px", "35x45mm@0.5dpi"} {
		wantCode(t, name, fault.UnknownSize)
	}
	for _, name := range []string{
		"35x45mm@71dpi", "35x45mm@1201dpi", "47x80px", "4097x4000px", "3000x3000px", "100x201px", "0x0mm", "99999x99999mm@99999dpi", "1x1mm",
	} {
		wantCode(t, name, fault.SizeOutOfRange)
	}
}

// FuzzLookup: whatever a stranger writes gives a coded error, or a record that stands up to the
// checks of the catalogue and is found again by its id.
func FuzzLookup(f *testing.F) {
	for _, seed := range []string{"", "1-inch", "一寸", "35x45mm", "413x531px@600dpi", "35.25×45 毫米 @ 72 DPI", "99999x1px", "x", "35x45mm@", "١x٢mm"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, err := Lookup(name)
		if err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Code != fault.UnknownSize && e.Code != fault.SizeOutOfRange {
				t.Fatalf("Lookup(%q) = %v, want a code", name, err)
			}
			return
		}
		again, err := Lookup(s.ID)
		if err != nil || again.ID != s.ID || again.WidthPx != s.WidthPx || again.HeightPx != s.HeightPx || again.DPI != s.DPI {
			t.Fatalf("%q is %s, which is %v, %v", name, s.ID, again, err)
		}
		if s.Document != Custom {
			return
		}
		var p problems
		s.checkSize(&p)
		s.checkRules(&p)
		if len(p) > 0 || !s.withinLimits() || !bilingual(s.Names) {
			t.Fatalf("%q gives %+v: %v", name, s, p)
		}
	})
}
