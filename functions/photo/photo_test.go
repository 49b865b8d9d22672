package photo

import (
	"encoding/json"
	"errors"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

func TestWhatWasChosenReadsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		size, background string
		want             Options
	}{
		"nothing":             {"", "", Options{Size: "1-inch", Background: "#438EDB", Catalogue: spec.Version()}},
		"a document":          {"us", "", Options{Size: "us-51x51", Background: "#FFFFFF", Catalogue: spec.Version()}}, // its own background
		"words of a customer": {"一寸", "红色", Options{Size: "1-inch", Background: "#FF0000", Catalogue: spec.Version()}},
		"a size of their own": {"35×45 mm @ 600 dpi", "white", Options{Size: "35x45mm@600dpi", Background: "#FFFFFF", Catalogue: spec.Version()}},
		"no colour":           {"2-inch", "transparent", Options{Size: "2-inch", Background: "transparent", Catalogue: spec.Version()}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Choose(Order{Size: tc.size, Background: tc.background})
			if err != nil || got != tc.want {
				t.Fatalf("Choose = %+v, %v; want %+v", got, err, tc.want)
			}
			raw, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			_, s, b, err := Read(raw)
			if err != nil || s.ID != tc.want.Size || b.String() != tc.want.Background {
				t.Errorf("Read = %v, %v, %v", s, b, err)
			}
		})
	}
}

func TestWhatTheCatalogueOffersCanBeChosen(t *testing.T) {
	for _, s := range spec.All() {
		if o, err := Choose(Order{Size: s.ID}); (err == nil && o.Size == s.ID) != s.Available {
			t.Errorf("Choose(%s) = %+v, %v; available: %v", s.ID, o, err, s.Available)
		}
	}
}

func TestUnknownChoicesHaveTheirCodes(t *testing.T) {
	for code, choice := range map[string][2]string{
		fault.UnknownSize: {"3-inch", ""}, fault.UnknownBackground: {"", "plaid"}, fault.SizeOutOfRange: {"9x9px", ""},
		fault.BackgroundForbidden: {"us-passport", "white"},
		fault.SizeUnpublished:     {"us-passport-online", ""},
	} {
		_, err := Choose(Order{Size: choice[0], Background: choice[1]})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != code {
			t.Errorf("Choose(%q) = %v, want %s", choice, err, code)
		}
	}
	if _, _, _, err := Read(json.RawMessage(`[]`)); err == nil {
		t.Error("Read took a list")
	}
}

func TestWishesAreReadFromForms(t *testing.T) {
	var o Order
	for field, value := range map[string]string{"size": "2-inch", "background": "red", "size_kb": "20-50", "hd": "true", "skin": "40", "mirror": "1"} {
		if err := o.Set(field, value); err != nil {
			t.Errorf("%s=%s: %v", field, value, err)
		}
	}
	want := Order{"2-inch", "red", Wishes{touchup.Options{Skin: 40, Mirror: true}, picture.SizeRange{MinKB: 20, MaxKB: 50}, true}}
	if o != want {
		t.Errorf("order is %+v, want %+v", o, want)
	}
	for value, want := range map[string]picture.SizeRange{"50": {MaxKB: 50}, "-50": {MaxKB: 50}, "20-": {MinKB: 20}, " 1.5 - 2 ": {MinKB: 1.5, MaxKB: 2}, "20-20": {MinKB: 20, MaxKB: 20}} {
		if err := o.Set("size_kb", value); err != nil || o.File != want {
			t.Errorf("size_kb=%q is %+v, %v; want %+v", value, o.File, err, want)
		}
	}
	for field, values := range map[string][]string{
		"size_kb": {"", "-", "0", "a-b", "50-20", "-1-2", "NaN", "Inf", "20-Inf", "-Inf"}, "hd": {"maybe"}, "skin": {"101", "-1", "much"}, "mirror": {"50"}, "glasses": {"1"},
	} {
		for _, value := range values {
			if _, ok := errors.AsType[*fault.Error](o.Set(field, value)); !ok {
				t.Errorf("%s=%q was taken", field, value)
			}
		}
	}
}

func TestTouchUpIsRefusedWhereItIsForbidden(t *testing.T) {
	for size, allowed := range map[string]bool{"1-inch": true, "au-passport": false, "us-passport": false} {
		_, err := Choose(Order{Size: size, Wishes: Wishes{Touch: touchup.Options{Skin: 10}}})
		if e, refused := errors.AsType[*fault.Error](err); refused == allowed || refused && e.Code != fault.EditForbidden {
			t.Errorf("touch-up for %s: %v", size, err)
		}
	}
}

func TestDigestLeavesTheCatalogueOut(t *testing.T) {
	digest := func(o Options, image string) string {
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return Digest([]byte(image), raw)
	}
	first := digest(Options{Size: "1-inch", Background: "#FF0000", Catalogue: "a"}, "x")
	if first != digest(Options{Size: "1-inch", Background: "#FF0000", Catalogue: "b"}, "x") {
		t.Error("another catalogue is another order")
	}
	for _, other := range []string{
		digest(Options{Size: "1-inch", Background: "#FF0000"}, "y"), digest(Options{Size: "1-inch", Background: "#FF0001"}, "x"),
		digest(Options{Size: "1-inch", Background: "#FF0000", Wishes: Wishes{HD: true}}, "x"),
	} {
		if other == first {
			t.Error("another order has the same digest")
		}
	}
}
