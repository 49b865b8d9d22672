package sheet

import (
	"errors"
	"math/rand/v2"
	"testing"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

// check wants no photo over another or nearer than the gap, none outside the margins, each of its own
// size, and counts that are those of the cells.
func check(t *testing.T, p *Plan, items []Item) {
	t.Helper()
	gap, margin := FromMM(p.Options.GapMM), FromMM(p.Options.MarginMM)
	count := make([]int, len(items))
	for i, c := range p.Cells {
		count[c.Item]++
		w, h := FromMM(items[c.Item].WidthMM), FromMM(items[c.Item].HeightMM)
		if c.Turned {
			w, h = h, w
		}
		if c.W != w || c.H != h {
			t.Errorf("cell %d is %d x %d, its photo %d x %d", i, c.W, c.H, w, h)
		}
		if c.X < margin || c.Y < margin || c.X+c.W > p.W-margin || c.Y+c.H > p.H-margin {
			t.Errorf("cell %d (%+v) is not within the margins of %d x %d", i, c, p.W, p.H)
		}
		for j, o := range p.Cells[:i] {
			if c.X < o.X+o.W+gap && o.X < c.X+c.W+gap && c.Y < o.Y+o.H+gap && o.Y < c.Y+c.H+gap {
				t.Errorf("cells %d and %d are too near: %+v %+v", i, j, c, o)
			}
		}
	}
	for i, it := range items {
		if p.Placed[i] != count[i] || p.Missing[i] != max(0, max(1, it.Count)-count[i]) || it.Count > 0 && count[i] > it.Count {
			t.Errorf("item %d wants %d: %d cells, told %d placed, %d missing", i, it.Count, count[i], p.Placed[i], p.Missing[i])
		}
	}
}

func TestPhotosNeverOverlapAndKeepGapAndMargin(t *testing.T) {
	lots := rand.New(rand.NewPCG(8, 8))
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	full := 0
	for range rounds {
		items := make([]Item, 1+lots.IntN(4))
		for i := range items {
			items[i] = Item{WidthMM: 18 + float64(lots.IntN(400))/10, HeightMM: 25 + float64(lots.IntN(400))/10, Count: lots.IntN(7)}
		}
		o := Options{GapMM: float64(lots.IntN(40)) / 10, MarginMM: float64(lots.IntN(80)) / 10, Marks: NoMarks,
			Orientation: []Orientation{Auto, Portrait, Landscape}[lots.IntN(3)]}
		paper := papers[lots.IntN(len(papers))]
		p, err := Layout(paper, items, o)
		if err != nil {
			t.Fatalf("%s %+v: %v", paper.ID, items, err)
		}
		check(t, p, items)
		if p.Complete() == nil {
			full++
		}
		if o.Orientation == Portrait && p.W > p.H || o.Orientation == Landscape && p.W < p.H {
			t.Errorf("asked for %s: %d x %d", o.Orientation, p.W, p.H)
		}
		if t.Failed() {
			t.Fatalf("%s, %+v, %+v", paper.ID, items, o)
		}
	}
	if full == 0 || full == rounds {
		t.Errorf("%d of %d orders were complete: the test tries one kind only", full, rounds)
	}
}

// sizes are the catalogue's, each once.
func sizes() []Item {
	seen := make(map[Item]bool)
	var all []Item
	for _, s := range spec.All() {
		it := Item{WidthMM: s.WidthMM, HeightMM: s.HeightMM}
		if s.WidthPx > 0 && !seen[it] {
			seen[it] = true
			all = append(all, it)
		}
	}
	return all
}

func TestEverySizeOnEveryPaperIsAtLeastRowsAndColumns(t *testing.T) {
	more, best, all := 0, 0, 0
	for _, it := range sizes() {
		for _, paper := range papers {
			for _, o := range []Options{{Marks: NoMarks, Orientation: Auto}, {GapMM: 2, MarginMM: 3, Marks: NoMarks, Orientation: Auto}} {
				gap := FromMM(o.GapMM)
				a, b := FromMM(it.WidthMM)+gap, FromMM(it.HeightMM)+gap
				w, h := FromMM(paper.WidthMM-2*o.MarginMM)+gap, FromMM(paper.HeightMM-2*o.MarginMM)+gap
				rows := int(max((w/a)*(h/b), (w/b)*(h/a)))
				p, err := Layout(paper, []Item{it}, o)
				if rows == 0 && err != nil {
					continue // a picture for a screen, larger than the paper
				}
				if err != nil {
					t.Fatalf("%+v on %s: %v", it, paper.ID, err)
				}
				check(t, p, []Item{it})
				pallet := newPallet(int(a), int(b), int(h))
				all++
				switch got := p.Placed[0]; {
				case got < rows:
					t.Errorf("%+v on %s: %d, rows and columns hold %d", it, paper.ID, got, rows)
				case got > rows:
					more++
				}
				if pallet.places != nil && p.Placed[0] == pallet.bound(pallet.place(int(w)), pallet.place(int(h))) {
					best++
				}
			}
		}
	}
	t.Logf("%d layouts, %d of them hold more than rows and columns, %d as many as any layout can by area", all, more, best)
	if more < all/4 || best < all*3/4 {
		t.Errorf("only %d of %d hold more than rows and columns, %d are proven best", more, all, best)
	}
}

func TestKnownCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		paper         string
		width, height float64
		gap, margin   float64
		want          int
	}{
		"1-inch on A4, as others lay it":    {"A4", 25, 35, 2.54, 4, 50},
		"35x45 on A4, as others lay it":     {"A4", 35, 45, 2.54, 4, 30},
		"22x32 on A4, as others lay it":     {"A4", 22, 32, 2.54, 4, 64},
		"5 inch on 5-inch paper":            {"5-inch", 89, 127, 0, 0, 1},
		"5 inch turned, on 5-inch paper":    {"3R", 127, 89, 0, 0, 1},
		"1-inch on A4, nothing between":     {"A4", 25, 35, 0, 0, 70},
		"1-inch on 5-inch":                  {"5-inch", 25, 35, 1, 2, 9},
		"US on 4x6, nothing between":        {"4R", 50.8, 50.8, 0, 0, 4},
		"35x50 on 6-inch, around a hole":    {"6-inch", 35, 50, 2, 5, 6},
		"35x45 on a strip as wide as it is": {"45x180mm", 35, 45, 0, 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			paper, err := ParsePaper(tc.paper)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Layout(paper, []Item{{WidthMM: tc.width, HeightMM: tc.height}}, Options{tc.gap, tc.margin, NoMarks, Auto})
			if err != nil {
				t.Fatal(err)
			}
			if p.Placed[0] < tc.want {
				t.Errorf("%d, want at least %d", p.Placed[0], tc.want)
			}
		})
	}
}

func TestSeveralSizesShareASheet(t *testing.T) {
	paper, _ := ParsePaper("6寸")
	items := []Item{{35, 53, 2}, {25, 35, 4}, {25, 35, 2}, {22, 32, 0}}
	p, err := Layout(paper, items, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	check(t, p, items)
	if err := p.Complete(); err != nil {
		t.Errorf("%v", err)
	}
	// Two who want as many as fit get equally many, one more at most.
	p, err = Layout(paper, []Item{{25, 35, 0}, {25, 35, 0}}, DefaultOptions())
	if err != nil || p.Placed[0]-p.Placed[1] > 1 || p.Placed[0] < p.Placed[1] || p.Placed[0]+p.Placed[1] < 12 {
		t.Errorf("two who fill: %v, %v", p.Placed, err)
	}
	// Who asks for a number gets it before the rest is filled.
	p, err = Layout(paper, []Item{{25, 35, 0}, {25, 35, 7}}, DefaultOptions())
	if err != nil || p.Placed[1] != 7 || p.Placed[0] < 5 {
		t.Errorf("seven and the rest: %v, %v", p.Placed, err)
	}
}

func TestWhatDoesNotFitIsTold(t *testing.T) {
	paper, _ := ParsePaper("5-inch")
	p, err := Layout(paper, []Item{{35, 45, 40}, {25, 35, 1}}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	f, ok := errors.AsType[*fault.Error](p.Complete())
	if !ok || f.Code != fault.SheetFull || f.Detail["missing"] != p.Missing[0]+p.Missing[1] || f.Detail["asked"] != 41 {
		t.Errorf("Complete = %v, missing %v", f, p.Missing)
	}
	for name, tc := range map[string]struct {
		items []Item
		o     Options
		code  string
		field string
	}{
		"larger than the paper":  {[]Item{{100, 130, 0}}, DefaultOptions(), fault.NothingFits, ""},
		"margins meet":           {[]Item{{25, 35, 0}}, Options{0, 60, NoMarks, Auto}, fault.NothingFits, ""},
		"a gap below zero":       {[]Item{{25, 35, 0}}, Options{-1, 0, NoMarks, Auto}, fault.BadSheet, "gap_mm"},
		"a margin beyond bounds": {[]Item{{25, 35, 0}}, Options{0, 500, NoMarks, Auto}, fault.BadSheet, "margin_mm"},
		"unknown marks":          {[]Item{{25, 35, 0}}, Options{0, 0, "dots", Auto}, fault.BadSheet, "marks"},
		"no photo":               {nil, DefaultOptions(), fault.BadSheet, "items"},
		"too many":               {[]Item{{25, 35, MaxCount + 1}}, DefaultOptions(), fault.BadSheet, "count"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Layout(paper, tc.items, tc.o)
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code != tc.code || tc.field != "" && f.Detail["field"] != tc.field {
				t.Errorf("Layout = %v, want %s %s", err, tc.code, tc.field)
			}
		})
	}
}

func TestPapersHaveNamesAndSizes(t *testing.T) {
	for name, want := range map[string]string{
		"6 inch": "6-inch", "6寸": "6-inch", "4R": "6-inch", "a4": "A4", "LETTER": "Letter", "3r": "5-inch", "5R": "7-inch", "6r": "8-inch",
		"200x120mm": "120x200mm", "120×200毫米": "120x200mm",
	} {
		if p, err := ParsePaper(name); err != nil || p.ID != want || p.WidthMM > p.HeightMM {
			t.Errorf("ParsePaper(%q) = %+v, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "A0", "10x10mm", "9999x100mm", "6", "120x200"} {
		if p, err := ParsePaper(name); err == nil {
			t.Errorf("ParsePaper(%q) = %+v", name, p)
		}
	}
	for _, p := range Papers() {
		if p.Names["en"] == "" || p.Names["zh"] == "" {
			t.Errorf("%s has no name in both languages", p.ID)
		}
	}
}

func BenchmarkLayout(b *testing.B) {
	paper, _ := ParsePaper("A4")
	for name, items := range map[string][]Item{
		"1-inch": {{25, 35, 0}}, "22x32": {{22, 32, 0}}, "five sizes": {{25, 35, 8}, {35, 53, 4}, {35, 45, 4}, {22, 32, 0}, {33, 48, 0}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Layout(paper, items, DefaultOptions()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
