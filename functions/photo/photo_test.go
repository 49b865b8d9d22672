package photo

import (
	"encoding/json"
	"errors"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

func TestWhatWasChosenReadsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		size, background string
		want             Options
	}{
		"nothing":             {"", "", Options{"1-inch", "#438EDB"}},
		"a document":          {"us", "", Options{"us-51x51", "#FFFFFF"}}, // its own background
		"words of a customer": {"一寸", "红色", Options{"1-inch", "#FF0000"}},
		"a size of their own": {"35×45 mm @ 600 dpi", "white", Options{"35x45mm@600dpi", "#FFFFFF"}},
		"no colour":           {"2-inch", "transparent", Options{"2-inch", "transparent"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Choose(tc.size, tc.background)
			if err != nil || got != tc.want {
				t.Fatalf("Choose = %+v, %v; want %+v", got, err, tc.want)
			}
			raw, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			s, b, err := Read(raw)
			if err != nil || s.ID != tc.want.Size || b.String() != tc.want.Background {
				t.Errorf("Read = %v, %v, %v", s, b, err)
			}
		})
	}
}

func TestWhatTheCatalogueOffersCanBeChosen(t *testing.T) {
	for _, s := range spec.All() {
		if o, err := Choose(s.ID, ""); (err == nil && o.Size == s.ID) != s.Available {
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
		_, err := Choose(choice[0], choice[1])
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != code {
			t.Errorf("Choose(%q) = %v, want %s", choice, err, code)
		}
	}
	if _, _, err := Read(json.RawMessage(`[]`)); err == nil {
		t.Error("Read took a list")
	}
}
