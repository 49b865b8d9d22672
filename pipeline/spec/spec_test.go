package spec

import (
	"errors"
	"image/color"
	"strings"
	"testing"

	"idphoto/pipeline/fault"
)

func TestCatalogue(t *testing.T) {
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for id, px := range map[string][2]int{
		"1-inch": {295, 413}, "2-inch": {413, 626}, "small-1-inch": {260, 378},
		"passport-35x45": {413, 531}, "cn-passport": {390, 567}, "us-51x51": {600, 600},
	} {
		s := c.byName[id]
		if s == nil {
			t.Errorf("%s is missing", id)
			continue
		}
		if s.WidthPx != px[0] || s.HeightPx != px[1] || s.DPI != 300 {
			t.Errorf("%s is %dx%d at %d dpi, want %dx%d at 300", id, s.WidthPx, s.HeightPx, s.DPI, px[0], px[1])
		}
	}
}

func TestLookupKnowsTheNamesInUse(t *testing.T) {
	for name, want := range map[string]string{
		"": "1-inch", "1-inch": "1-inch", "1 Inch": "1-inch", "一寸": "1-inch", "1寸": "1-inch", "25×35": "1-inch",
		"2寸": "2-inch", "小一寸": "small-1-inch", "35x45": "passport-35x45", "33x48": "cn-passport", "2x2": "us-51x51",
	} {
		s, err := Lookup(name)
		if err != nil || s.ID != want {
			t.Errorf("Lookup(%q) = %v, %v; want %s", name, s, err, want)
		}
	}
	_, err := Lookup("3-inch")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.UnknownSize {
		t.Errorf("Lookup of an unknown size = %v, want %s", err, fault.UnknownSize)
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	good := `{"id":"x","names":{"en":"x","zh":"x"},"aliases":null,"width_mm":35,"height_mm":45,"width_px":413,"height_px":531,"dpi":300,
		"background":"white","source":"s","grade":"A","checked":"2026-01-01","rules":[{"measure":"head_height","min":31.5,"max":36,"source":"s","grade":"A"}]}`
	if _, err := parse([]byte(good)); err != nil {
		t.Fatalf("the good record: %v", err)
	}
	for name, change := range map[string][2]string{
		"pixels do not follow from mm":  {`"width_px":413`, `"width_px":412`},
		"unknown measure":               {`"head_height"`, `"nose_length"`},
		"band upside down":              {`"min":31.5`, `"min":37`},
		"head higher than the photo":    {`"min":31.5,"max":36`, `"min":46,"max":50`},
		"unknown background":            {`"white"`, `"plaid"`},
		"no source":                     {`"source":"s","grade":"A","checked"`, `"source":"","grade":"A","checked"`},
		"a field that nobody knows":     {`"dpi":300`, `"dpi":300,"ppi":300`},
		"no rule that fixes the scale":  {`[{"measure":"head_height","min":31.5,"max":36,"source":"s","grade":"A"}]`, `[]`},
		"rule without a grade":          {`"source":"s","grade":"A"}]`, `"source":"s","grade":""}]`},
		"a name is required in Chinese": {`"zh":"x"`, `"zh":""`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s: the change changes nothing", name)
		}
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseBackground(t *testing.T) {
	for s, want := range map[string]Background{
		"":            {Solid, color.RGBA{0x43, 0x8e, 0xdb, 255}},
		"red":         {Solid, color.RGBA{255, 0, 0, 255}},
		"白色":          {Solid, color.RGBA{255, 255, 255, 255}},
		"Dark Blue":   {Solid, color.RGBA{0x1f, 0x4e, 0x9c, 255}},
		"#438edb":     {Solid, color.RGBA{0x43, 0x8e, 0xdb, 255}},
		"original":    {Kind: Original},
		"transparent": {Kind: Transparent},
	} {
		got, err := ParseBackground(s)
		if err != nil || got != want {
			t.Errorf("ParseBackground(%q) = %v, %v; want %v", s, got, err, want)
		}
		if again, err := ParseBackground(got.String()); err != nil || again != got {
			t.Errorf("ParseBackground(%q) = %v, %v: String does not read back", got.String(), again, err)
		}
	}
	for _, s := range []string{"plaid", "#12345", "#GGGGGG", "438EDB"} {
		_, err := ParseBackground(s)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.UnknownBackground {
			t.Errorf("ParseBackground(%q) = %v, want %s", s, err, fault.UnknownBackground)
		}
	}
}

func TestMMToPixelsRoundsOnce(t *testing.T) {
	for _, tc := range []struct {
		mm   float64
		dpi  int
		want int
	}{{35, 300, 413}, {35, 600, 827}, {45, 300, 531}, {50.8, 300, 600}} {
		if got := MMToPixels(tc.mm, tc.dpi); got != tc.want {
			t.Errorf("MMToPixels(%v, %d) = %d, want %d", tc.mm, tc.dpi, got, tc.want)
		}
	}
}
