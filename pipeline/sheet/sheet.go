package sheet

import (
	"cmp"
	"slices"

	"idphoto/pipeline/fault"
)

// Marks say where to cut.
type Marks string

// The marks. All are drawn on the paper beside the photos; lines lie on a photo's outermost pixels only
// where it has no gap to its neighbour.
const (
	NoMarks Marks = "none"
	Corners Marks = "corners" // short strokes that lead to each photo's corners
	Lines   Marks = "lines"   // along every edge, as far as no photo is in the way
)

// Orientation says how the paper lies.
type Orientation string

// The orientations.
const (
	Auto      Orientation = "auto" // so that most photos stand upright
	Portrait  Orientation = "portrait"
	Landscape Orientation = "landscape"
)

// Limits of an order.
const (
	MaxGapMM    = 50
	MaxMarginMM = 100
	MaxItems    = 20
	MaxCount    = 2000 // photos on one sheet
	minSideMM   = 1
)

// Options are what stays the same for all photos of a sheet.
type Options struct {
	GapMM       float64 // between photos
	MarginMM    float64 // to each edge of the paper
	Marks       Marks
	Orientation Orientation
}

// DefaultOptions suit a shop's printer and a paper cutter.
func DefaultOptions() Options {
	return Options{GapMM: 2, MarginMM: 3, Marks: Corners, Orientation: Auto}
}

// Item asks for one photo.
type Item struct {
	WidthMM, HeightMM float64
	Count             int // how many; 0: as many as fit, at least one
}

// Cell is one photo on the paper.
type Cell struct {
	Item       int    // index
	X, Y, W, H Micron // from the paper's top left corner; as it lies, turned or not
	Turned     bool   // by 90 degrees, clockwise
}

// Plan is a finished layout.
type Plan struct {
	Paper   Paper
	Options Options
	W, H    Micron // of the paper as it lies
	Cells   []Cell // row by row
	Placed  []int  // how many of each item
	Missing []int  // how many of each item did not fit
}

// Layout places the items on the paper. What does not fit is counted in Missing; nothing at all is
// an error. Errors are *fault.Error.
func Layout(paper Paper, items []Item, o Options) (*Plan, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := checkItems(items); err != nil {
		return nil, err
	}
	gap, margin := FromMM(o.GapMM), FromMM(o.MarginMM)
	p := &Plan{Paper: paper, Options: o, W: FromMM(paper.WidthMM), H: FromMM(paper.HeightMM)}
	// Photos are given a gap's width more, and so is the area: then nothing else has to know of gaps.
	w, h := int(p.W-2*margin+gap), int(p.H-2*margin+gap)
	groups := group(items, int(gap))
	if w > 0 && h > 0 {
		p.Cells = pack(w, h, groups)
	}
	if len(p.Cells) == 0 {
		return nil, fault.New(fault.NothingFits, nil, "paper", paper.ID)
	}
	for i := range p.Cells {
		p.Cells[i].W -= gap
		p.Cells[i].H -= gap
	}
	p.lie()
	p.centre()
	p.assign(items, groups)
	return p, nil
}

func bad(field string) error { return fault.New(fault.BadSheet, nil, "field", field) }

// Check refuses what is out of range, as Layout does.
func (o *Options) Check() error {
	switch {
	case !(o.GapMM >= 0 && o.GapMM <= MaxGapMM): // so that not-a-number is refused
		return bad("gap_mm")
	case !(o.MarginMM >= 0 && o.MarginMM <= MaxMarginMM):
		return bad("margin_mm")
	case !slices.Contains([]Marks{NoMarks, Corners, Lines}, o.Marks):
		return bad("marks")
	case !slices.Contains([]Orientation{Auto, Portrait, Landscape}, o.Orientation):
		return bad("orientation")
	}
	return nil
}

func checkItems(items []Item) error {
	if len(items) == 0 || len(items) > MaxItems {
		return bad("items")
	}
	for _, it := range items {
		if it.Count < 0 || it.Count > MaxCount {
			return bad("count")
		}
		if !(it.WidthMM >= minSideMM && it.HeightMM >= minSideMM && it.WidthMM <= 2*MaxPaperMM && it.HeightMM <= 2*MaxPaperMM) {
			return bad("items")
		}
	}
	return nil
}

// Complete returns an error when some of what was asked for is missing.
func (p *Plan) Complete() error {
	missing, asked := 0, 0
	for i := range p.Missing {
		missing += p.Missing[i]
		asked += p.Missing[i] + p.Placed[i]
	}
	if missing == 0 {
		return nil
	}
	return fault.New(fault.SheetFull, nil, "missing", missing, "asked", asked, "paper", p.Paper.ID)
}

// lie turns the paper as the options say.
func (p *Plan) lie() {
	turned := 0
	for _, c := range p.Cells {
		if c.Turned {
			turned++
		}
	}
	if p.Options.Orientation == Landscape || p.Options.Orientation == Auto && 2*turned > len(p.Cells) {
		p.W, p.H = p.H, p.W
		for i, c := range p.Cells {
			p.Cells[i] = Cell{c.Item, c.Y, c.X, c.H, c.W, !c.Turned}
		}
	}
	slices.SortStableFunc(p.Cells, func(a, b Cell) int { return cmp.Or(cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X)) })
}

// centre moves all cells so that what is left is the same on both sides.
func (p *Plan) centre() {
	var right, bottom Micron
	for _, c := range p.Cells {
		right, bottom = max(right, c.X+c.W), max(bottom, c.Y+c.H)
	}
	for i := range p.Cells {
		p.Cells[i].X += (p.W - right) / 2
		p.Cells[i].Y += (p.H - bottom) / 2
	}
}

// assign shares out each group's cells among its items, which are of one size: those with a count
// first, as far as the others keep one each, then the rest evenly.
func (p *Plan) assign(items []Item, groups []*size) {
	p.Placed, p.Missing = make([]int, len(items)), make([]int, len(items))
	for g, group := range groups {
		have := 0
		for _, c := range p.Cells {
			if c.Item == g {
				have++
			}
		}
		group.share(have, items, p.Placed)
	}
	left := slices.Clone(p.Placed)
	for c := range p.Cells {
		for _, i := range groups[p.Cells[c].Item].items {
			if left[i] > 0 {
				left[i]--
				p.Cells[c].Item = i
				break
			}
		}
	}
	for i, it := range items {
		p.Missing[i] = max(0, max(it.Count, 1)-p.Placed[i])
	}
}
