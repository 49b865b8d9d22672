package spec

import (
	"errors"
	"image/color"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"idphoto/pipeline/fault"
)

func TestCatalogue(t *testing.T) {
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for id, px := range map[string][3]int{
		"1-inch": {295, 413, 300}, "2-inch": {413, 626, 300}, "small-1-inch": {260, 378, 300},
		"passport-35x45": {413, 531, 300}, "cn-passport": {390, 567, 300}, "us-51x51": {600, 600, 300},
		"cn-id-card": {358, 441, 350}, "de-passport": {827, 1063, 600}, "cn-visa-upload": {354, 472, 300},
		"sg-ica": {400, 514, 300}, "ca-passport": {591, 827, 300}, "us-passport-online": {0, 0, 0},
	} {
		s := c.byName[id]
		if s == nil {
			t.Errorf("%s is missing", id)
			continue
		}
		if s.WidthPx != px[0] || s.HeightPx != px[1] || s.DPI != px[2] {
			t.Errorf("%s is %dx%d at %d dpi, want %v", id, s.WidthPx, s.HeightPx, s.DPI, px)
		}
	}
}

// Figures of the first documents, which photos have been made with since: a catalogue that grows
// leaves them alone. cn-passport's eye line was rounded to tenths once; it is published as 321 to 415 px.
func TestFirstDocumentsKeepTheirRules(t *testing.T) {
	inf := math.Inf(1)
	for id, rules := range map[string]map[string][2]float64{
		"1-inch":         {HeadHeight: {20.3, 27.3}, CrownGap: {1.8, 5.2}, Centring: {11.25, 13.75}},
		"2-inch":         {HeadHeight: {28.6, 39.2}, CrownGap: {2.7, 7.9}, Centring: {15.75, 19.25}},
		"small-1-inch":   {HeadHeight: {18.6, 25}, CrownGap: {1.6, 4.8}, Centring: {9.9, 12.1}},
		"passport-35x45": {HeadHeight: {31.5, 36}, HairHeight: {31.5, 36}, EyeLine: {22.5, 27}, HairGap: {2, 6}, PupilDistance: {7.627, inf}, Centring: {15.75, 19.25}},
		"cn-passport":    {HeadHeight: {28, 33}, EyeLine: {27.175, 35.132}, CrownGap: {3, 5}, ChinGap: {7, inf}, HeadWidth: {21, 24}, Centring: {14.85, 18.15}},
		"us-51x51":       {HeadHeight: {25, 35}, EyeLine: {28, 35}, CrownGap: {2, inf}, Centring: {22.86, 27.94}},
	} {
		s, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string][2]float64)
		for _, r := range s.Rules {
			got[r.Measure] = [2]float64{r.Min, r.Upper()}
		}
		if !maps.Equal(got, rules) {
			t.Errorf("%s: rules are %v, want %v", id, got, rules)
		}
	}
}

func TestFiguresAreConvertedFromTheirSourcesUnits(t *testing.T) {
	for id, want := range map[string]Rule{
		"us-ds-160":  {Measure: EyeLine, Min: 28.448, Max: ptr(35.052)}, // 56-69 % of 50.8 mm
		"cn-id-card": {Measure: EyeLine, Min: 15.02},                    // 207 of 441 px on 32 mm
	} {
		s, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := s.Rule(want.Measure)
		if r.Min != want.Min || r.Upper() != want.Upper() || r.Published == nil {
			t.Errorf("%s: %+v, want %v to %v", id, r, want.Min, want.Upper())
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestEveryNameLeadsToItsRecord(t *testing.T) {
	for _, s := range All() {
		for _, name := range append([]string{s.ID, s.Names["en"], s.Names["zh"], strings.ToUpper(s.ID)}, s.Aliases...) {
			if got, err := Lookup(name); err != nil || got.ID != s.ID {
				t.Errorf("Lookup(%q) = %v, %v; want %s", name, got, err, s.ID)
			}
		}
	}
}

// Whoever asks for a document by its own name gets its first record, and every record answers to a
// name in either language beside its title.
func TestDocumentsAndRecordsHaveNamesInBothLanguages(t *testing.T) {
	for name, want := range map[string]string{
		"英国护照": "uk-passport", "Hong Kong travel documents": "hk-immd", "印度尼西亚护照与签证": "id-passport", "us-passport": "us-passport",
		"加拿大护照": "ca-passport", "Korea passport": "kr-passport", "驾驶证": "cn-driving-licence", "韩国护照": "kr-passport",
	} {
		if s, err := Lookup(name); err != nil || s.ID != want {
			t.Errorf("Lookup(%q) = %v, %v; want %s", name, s, err, want)
		}
	}
	for _, s := range All() {
		var english, chinese bool
		for _, a := range s.Aliases {
			if strings.ContainsFunc(a, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				chinese = true
			} else {
				english = true
			}
		}
		if !english || !chinese {
			t.Errorf("%s: aliases %v, want one in English and one in Chinese", s.ID, s.Aliases)
		}
	}
}

// What a portal asks of the file is no rule for paper.
func TestOnlyPortalsAskForFiles(t *testing.T) {
	for _, s := range All() {
		if s.File != nil && s.Use != Portal {
			t.Errorf("%s is for %s and has a rule for its file", s.ID, s.Use)
		}
	}
}

func TestLookupKnowsTheNamesInUse(t *testing.T) {
	for name, want := range map[string]string{
		"": "1-inch", "1-inch": "1-inch", "1 Inch": "1-inch", "一寸": "1-inch", "1寸": "1-inch", "25×35": "1-inch",
		"2寸": "2-inch", "小一寸": "small-1-inch", "35x45": "passport-35x45", "33x48": "cn-passport", "2x2": "us-51x51",
		"大一寸": "large-1-inch", "身份证": "cn-id-card", "us": "us-51x51", "us-visa": "us-51x51", "美国签证": "us-51x51",
		"us-passport": "us-passport", "Japan passport": "jp-passport",
	} {
		s, err := Lookup(name)
		if err != nil || s.ID != want {
			t.Errorf("Lookup(%q) = %v, %v; want %s", name, s, err, want)
		}
	}
	wantCode(t, "3-inch", fault.UnknownSize)
}

func mustLookup(t *testing.T, name string) *Spec {
	t.Helper()
	s, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantCode(t *testing.T, name, code string) {
	t.Helper()
	s, err := Lookup(name)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != code {
		t.Errorf("Lookup(%q) = %v, %v; want %s", name, s, err, code)
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	good := `{"id":"x","names":{"en":"x","zh":"某"},"authority":{"en":"a","zh":"甲"},"records":[{"id":"x","use":"print","aliases":["y"],
		"width_mm":35,"height_mm":45,"width_px":413,"height_px":531,"dpi":300,
		"sizes":{"min":[35,45],"unit":"mm","source":"s","grade":"A"},"background":"white","background_rule":{"accepts":["white"],"source":"s","grade":"A"},
		"file":{"min_kb":10,"max_kb":20,"source":"s","grade":"A"},"editing":{"policy":"free","source":"s","grade":"A"},
		"source":"s","grade":"A","checked":"2026-01-01","note":{"en":"n","zh":"注"},
		"rules":[{"measure":"head_height","min":31.5,"max":36,"source":"s","grade":"A"},{"measure":"crown_gap","published":{"min":5,"max":13,"unit":"percent"},"source":"s","grade":"A"}],
		"max_tilt":{"degrees":20,"source":"s","grade":"A"},
		"asks":[{"name":"still","words":{"en":"w","zh":"字"},"check":"c","max":25,"rejects":true,"source":"s","grade":"A"}],
		"unchecked_rules":[{"measure":"head_width","min":21,"max":24,"unit":"mm","reason":"r","source":"s","grade":"A"}]}]}`
	if _, err := parse([]byte(good)); err != nil {
		t.Fatalf("the good document: %v", err)
	}
	for name, change := range map[string][2]string{
		"pixels do not follow from mm":     {`"width_px":413`, `"width_px":412`},
		"a reason for pixels that follow":  {`"dpi":300`, `"dpi":300,"px_reason":"none"`},
		"stretched":                        {`"width_px":413`, `"px_reason":"r","width_px":450`},
		"half a size":                      {`"width_px":413`, `"width_px":0`},
		"out of range":                     {`"dpi":300`, `"dpi":30`},
		"made larger than accepted":        {`"min":[35,45]`, `"max":[35,44]`},
		"unknown measure":                  {`"head_height"`, `"nose_length"`},
		"a measure bounded twice":          {`"crown_gap"`, `"head_height"`},
		"band upside down":                 {`"min":31.5`, `"min":37`},
		"head higher than the photo":       {`"min":31.5,"max":36`, `"min":46,"max":50`},
		"no room for the gap":              {`"min":5,"max":13`, `"min":31,"max":40`},
		"published in an unknown unit":     {`"unit":"percent"`, `"unit":"inch"`},
		"both published and in mm":         {`"min":31.5,"max":36`, `"min":31.5,"max":36,"published":{"min":70,"unit":"percent"}`},
		"unknown background":               {`"background":"white"`, `"background":"plaid"`},
		"cropping only, but a new wall":    {`"policy":"free"`, `"policy":"crop_only"`},
		"unknown policy":                   {`"policy":"free"`, `"policy":"any"`},
		"a ban that nobody put":            {`"policy":"free"`, `"rule":{"en":"no","zh":"不"},"policy":"free"`},
		"a shade that nobody knows":        {`["white"]`, `["whitish"]`},
		"a tolerance in the file":          {`"accepts":["white"]`, `"accepts":["white"],"tolerance":{}`},
		"no source":                        {`"source":"s","grade":"A","checked"`, `"source":"","grade":"A","checked"`},
		"unknown grade":                    {`"grade":"A","checked"`, `"grade":"D","checked"`},
		"no date":                          {`2026-01-01`, `today`},
		"a field that nobody knows":        {`"dpi":300`, `"dpi":300,"ppi":300`},
		"rule without a grade":             {`"max":36,"source":"s","grade":"A"`, `"max":36,"source":"s","grade":""`},
		"a name is required in Chinese":    {`"zh":"某"`, `"zh":""`},
		"a note is required in Chinese":    {`"zh":"注"`, `"zh":""`},
		"an alias that is a size":          {`["y"]`, `["35x45mm"]`},
		"an alias twice":                   {`["y"]`, `["y","Y"]`},
		"unknown use":                      {`"use":"print"`, `"use":"poster"`},
		"KB upside down":                   {`"min_kb":10`, `"min_kb":30`},
		"unchecked band upside down":       {`"min":21`, `"min":25`},
		"unchecked band beyond the photo":  {`"max":24`, `"max":240`},
		"unchecked measure of no known":    {`"head_width"`, `"ear_width"`},
		"unchecked without a reason":       {`"reason":"r"`, `"reason":""`},
		"unchecked and a rule":             {`"head_width"`, `"head_height"`},
		"a head too wide for its height":   {`"crown_gap"`, `"face_width"`},
		"hair apart where hair counts":     {`"crown_gap"`, `"hair_gap"`},
		"tilt of no size":                  {`"degrees":20`, `"degrees":0`},
		"an ask in one language":           {`"zh":"字"`, `"zh":""`},
		"a limit that nothing measures":    {`"check":"c"`, `"check":""`},
		"background rule without shades":   {`["white"]`, `[]`},
		"more than one document in a file": {`}]}]}`, `}]}]} {}`},
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

func TestANameOfTwoRecordsIsRefused(t *testing.T) {
	c := &catalogue{byName: make(map[string]*Spec)}
	one := &Spec{ID: "one", Names: map[string]string{"en": "One", "zh": "一"}, Aliases: []string{"first"}}
	two := &Spec{ID: "two", Names: map[string]string{"en": "Two", "zh": "二"}, Aliases: []string{"First"}}
	if err := c.add(&document{Records: []*Spec{one, two}}); err == nil || !strings.Contains(err.Error(), "one and two") {
		t.Errorf("add = %v, want an error that names both", err)
	}
}

func TestVersionFollowsWhatTheCatalogueSays(t *testing.T) {
	if v := Version(); !regexp.MustCompile(`^\d{4}-\d{2}-\d{2}-[0-9a-f]{12}$`).MatchString(v) {
		t.Errorf("version is %q", v)
	}
	s := *All()[0]
	before, err := version([]*Spec{&s})
	if err != nil {
		t.Fatal(err)
	}
	s.Rules = slices.Clone(s.Rules)
	s.Rules[0].Min += .1
	if after, _ := version([]*Spec{&s}); after == before {
		t.Error("another figure, the same version")
	}
}

func TestSearch(t *testing.T) {
	for query, want := range map[string]string{"护照": "cn-passport", "japan visa": "jp-visa-45x45", "413x579": "2-inch-35x49", "OCI": "in-oci"} {
		found := Search(query)
		if !slices.ContainsFunc(found, func(s *Spec) bool { return s.ID == want }) || len(found) > 30 {
			t.Errorf("Search(%q) found %d records, want %s among few", query, len(found), want)
		}
	}
	if got := len(Search("  ")); got != len(All()) {
		t.Errorf("a search without words found %d", got)
	}
	if got := Search("passport no-such-word"); len(got) != 0 {
		t.Errorf("a word that stands nowhere found %d", len(got))
	}
}

func TestWhatNobodyChecksIsSaid(t *testing.T) {
	for id, want := range map[string][]string{
		"cn-passport-digital": {}, "jp-passport": {FaceWidth}, "sg-ica": {"recent"}, "us-passport": {},
	} {
		s, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.NotChecked, want) {
			t.Errorf("%s: not checked: %v, want %v", id, s.NotChecked, want)
		}
	}
	s, _ := Lookup("cn-passport-digital")
	if want := []string{BackgroundShade, FileSize, FileQuality}; !slices.Equal(s.Demands(), want) {
		t.Errorf("demands: %v, want %v", s.Demands(), want)
	}
}

func TestWidthsAreInMillimetresOfTheWidth(t *testing.T) {
	s, err := Lookup("cn-social-security")
	if err != nil {
		t.Fatal(err)
	}
	for measure, px := range map[string][2]float64{FaceWidth: {179, 255}, EyesFromLeft: {162, 196}} {
		r, ok := s.Rule(measure)
		if lo, hi := r.Min*s.PxPer(measure), r.Upper()*s.PxPer(measure); !ok || math.Abs(lo-px[0]) > .01 || math.Abs(hi-px[1]) > .01 {
			t.Errorf("%s is %v to %v px, want %v", measure, lo, hi, px)
		}
	}
}

func TestTheTiltsLimitIsTheDocumentsOrOurs(t *testing.T) {
	for id, want := range map[string]float64{"cn-visa": 20, "1-inch": 5} {
		s, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.MaxTilt(); got.Degrees != want || !sourced(got.Source, got.Grade) {
			t.Errorf("%s: %+v, want %v degrees with a source", id, got, want)
		}
	}
}

// A trade size has no authority; every document of one has.
func TestTradeSizesHaveNoAuthority(t *testing.T) {
	for _, s := range All() {
		if none := strings.HasPrefix(s.Authority["en"], "none"); s.Trade != none {
			t.Errorf("%s: trade size %v, authority %q", s.ID, s.Trade, s.Authority["en"])
		}
	}
}

// A record for children differs from the adults' in its bands alone.
func TestChildrenHaveRecordsOfTheirOwn(t *testing.T) {
	for _, id := range []string{"de-passport", "cn-passport", "cn-passport-digital"} {
		adult, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		child, err := Lookup(id + "-child")
		if err != nil {
			t.Fatal(err)
		}
		a, _ := adult.Rule(EyeLine)
		c, _ := child.Rule(EyeLine)
		if adult.WidthPx != child.WidthPx || adult.Document != child.Document || c.Min >= a.Min {
			t.Errorf("%s: eyes from %v, a child's from %v", id, a.Min, c.Min)
		}
	}
}

func TestEditingPolicyDecidesWhatIsPermitted(t *testing.T) {
	white, original := Background{Solid, color.RGBA{255, 255, 255, 255}}, Background{Kind: Original}
	for _, tc := range []struct {
		id   string
		b    Background
		code string
	}{
		{"1-inch", white, ""}, {"cn-passport", white, ""}, {"us-51x51", original, ""},
		{"au-passport", white, fault.BackgroundForbidden}, {"us-passport", Background{Kind: Transparent}, fault.BackgroundForbidden},
		{"au-passport", original, ""}, {"us-passport-online", original, fault.SizeUnpublished},
	} {
		s, err := Lookup(tc.id)
		if err != nil {
			t.Fatal(err)
		}
		code := ""
		if e, ok := errors.AsType[*fault.Error](s.Permit(tc.b)); ok {
			code = e.Code
		}
		if code != tc.code {
			t.Errorf("%s with background %s: code %q, want %q", tc.id, tc.b, code, tc.code)
		}
	}
	refusal, _ := errors.AsType[*fault.Error](mustLookup(t, "au-passport").Permit(white))
	if rule, _ := refusal.Detail["rule"].(map[string]string); !strings.HasPrefix(rule["en"], "No retouching of any kind") || rule["zh"] == "" {
		t.Errorf("the refusal quotes %v, want the authority's words in both languages", refusal.Detail["rule"])
	}
	for id, code := range map[string]string{"1-inch": "", "cn-passport": fault.EditForbidden, "au-passport": fault.EditForbidden} {
		s, err := Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		e, refused := errors.AsType[*fault.Error](s.PermitTouch())
		if refused != (code != "") || refused && (e.Code != code || e.Detail["source"] == "") {
			t.Errorf("%s: touching up gives %v, want %q", id, e, code)
		}
	}
	for _, s := range All() {
		own, _ := ParseBackground(s.Background)
		if err := s.Permit(own); (err == nil) != s.Available {
			t.Errorf("%s: available %v, but its own background gives %v", s.ID, s.Available, err)
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
