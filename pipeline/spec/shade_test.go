package spec

import (
	"strings"
	"testing"
)

func TestShadesBecomeTolerances(t *testing.T) {
	type lab [3]float64
	for id, colours := range map[string]struct{ in, out []lab }{
		"kr-passport":   {[]lab{{93, 0, 4}}, []lab{{84, 0, 0}, {95, 0, 20}}},              // white
		"us-passport":   {[]lab{{87, 1, 12}}, []lab{{78, 2, 4}}},                          // white to off-white
		"uk-passport":   {[]lab{{80, 2, 20}, {70, 0, 0}}, []lab{{40, 0, 0}}},              // cream or light grey
		"au-passport":   {[]lab{{70, 3, 4}}, []lab{{23, 12, 5}}},                          // white or light grey
		"cn-ncre":       {[]lab{{80, -8, -20}}, []lab{{95, 0, 0}}},                        // light blue
		"my-passport":   {[]lab{{95, 0, 0}}, []lab{{60, 0, -40}}},                         // blue was accepted once
		"id-passport":   {[]lab{{53, 80, 67}, {51, 56, 44}}, []lab{{90, 0, 0}}},           // red
		"nz-passport":   {[]lab{{90, -5, -20}, {66, 0, 0}}, []lab{{50, 0, 0}, {0, 0, 0}}}, // plain light
		"ca-visa":       {[]lab{{95, 0, 0}, {70, 0, 20}}, []lab{{30, 0, 0}}},
		"de-passport":   {[]lab{{75, 0, 0}}, []lab{{50, 0, 0}}},
		"in-evisa":      {[]lab{{95, 0, 0}}, []lab{{50, 0, 0}}},
		"cn-id-card":    {[]lab{{96, 0, 0}}, []lab{{80, 0, 0}}},
		"us-51x51":      {[]lab{{86, 0, 0}}, []lab{{80, 0, 0}}},
		"cn-visa":       {[]lab{{86, 0, 0}}, []lab{{80, 0, 0}}},
		"hk-immd":       {[]lab{{96, 0, 0}}, []lab{{85, 0, 0}}},
		"ca-passport":   {[]lab{{70, 0, 0}}, []lab{{60, 0, 0}}},
		"sg-ica":        {[]lab{{91, 0, 0}}, []lab{{85, 0, 0}}},
		"schengen-visa": {[]lab{{70, 0, 0}}, []lab{{60, 0, 0}}},
	} {
		tolerance := mustLookup(t, id).Backdrop.Tolerance
		if tolerance == nil || !sourced(tolerance.Source, tolerance.Grade) {
			t.Errorf("%s: tolerance %v, want figures with a source", id, tolerance)
			continue
		}
		for _, c := range colours.in {
			if !tolerance.Holds(c[0], c[1], c[2]) {
				t.Errorf("%s: %v is not of the shade %+v", id, c, *tolerance)
			}
		}
		for _, c := range colours.out {
			if tolerance.Holds(c[0], c[1], c[2]) {
				t.Errorf("%s: %v is of the shade %+v", id, c, *tolerance)
			}
		}
	}
	if got := mustLookup(t, "jp-passport").Backdrop.Tolerance; got != nil {
		t.Errorf("jp-passport names no colour, but has the tolerance %+v", got)
	}
}

// What a record puts behind the person is of the shade that it asks for.
func TestTheBackgroundThatIsPutIsOfTheShadeAskedFor(t *testing.T) {
	labs := map[string][3]float64{ // of Colors, by the sRGB formulas
		"white": {100, 0, 0}, "red": {53.24, 80.09, 67.20}, "light-blue": {81.48, -5.05, -20.32}, "grey": {90.59, 0, 0},
	}
	for _, s := range All() {
		if s.Backdrop == nil || s.Backdrop.Tolerance == nil || s.Background == "original" {
			continue
		}
		c, ok := labs[s.Background]
		if !ok {
			t.Errorf("%s: no colour known for %s", s.ID, s.Background)
		} else if !s.Backdrop.Tolerance.Holds(c[0], c[1], c[2]) {
			t.Errorf("%s: %s (%v) is not of %v: %+v", s.ID, s.Background, c, s.Backdrop.Accepts, *s.Backdrop.Tolerance)
		}
	}
}

func TestBadShadesAreRefused(t *testing.T) {
	good := `{"white":{"lightness":[90,100],"a":[-5,5],"b":[-8,10],"reason":"r"},"pure white":{"like":"white","reason":"r"},"any":{"any":true,"reason":"r"}}`
	if _, err := parseShades([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"no reason":          {`[-8,10],"reason":"r"`, `[-8,10],"reason":""`},
		"upside down":        {`[90,100]`, `[100,90]`},
		"no such colour":     {`[-8,10]`, `[-8,1000]`},
		"a figure missing":   {`"a":[-5,5],`, ``},
		"like nobody":        {`"like":"white"`, `"like":"snow"`},
		"like a like":        {`"like":"white"`, `"like":"pure white"`},
		"figures for any":    {`"any":true`, `"any":true,"a":[0,1]`},
		"a field of no name": {`"any":true`, `"all":true`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s: the change changes nothing", name)
		}
		if _, err := parseShades([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
