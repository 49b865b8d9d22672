package sheet

import "slices"

// pallet finds how many rectangles of one size, turned or not, a larger one holds, and where. It is
// the pallet loading problem, well studied: almost every layout that is best is a guillotine one
// (cut in two, again and again) or has five blocks around each other (Morabito and Morales, "A simple
// and effective recursive procedure for the manufacturer's pallet loading problem", 1998).
//
// Cuts are tried only at sums of whole sides, since every layout can be pushed towards one corner
// until all its edges are at such places. Answers are kept, so one pallet serves many questions.
type pallet struct {
	a, b   int     // the small rectangle; a is its width when it is not turned
	unit   int     // of which a and b are multiples, and so all places
	places []int   // sums of a's and b's up to the largest side, ascending, the first 0
	rest   []int16 // see less
	bounds []int32 // see bound
	best   []block
	effort int // five-block layouts that may still be looked at
}

// block is how one rectangle (an index of places for each side) is filled.
type block struct {
	count int32 // -1: not known yet
	final bool  // five blocks were tried too
	how   how
	cut   [4]int16 // indices of places: of a cut, or of the windmill's x1, x2, y1, y2
}

type how uint8

const (
	nothing  how = iota
	upright      // rows and columns
	turned       // the same with turned ones
	cutX         // in two, beside each other
	cutY         // in two, one above the other
	windmill     // in five
)

// Bounds that keep small photos on large paper from costing much. Beyond maxPlaces, layouts are those of
// strips; beyond maxEffort (about 0.2 s) no more windmills are looked at.
const (
	maxPlaces = 160
	maxEffort = 4_000_000
)

// newPallet prepares for rectangles up to side x side.
func newPallet(a, b, side int) *pallet {
	p := &pallet{a: a, b: b, unit: divisor(a, b), effort: maxEffort}
	seen := map[int]bool{}
	for i := 0; i*a <= side && len(seen) <= maxPlaces; i++ {
		for j := 0; i*a+j*b <= side && len(seen) <= maxPlaces; j++ {
			seen[i*a+j*b] = true
		}
	}
	if len(seen) > maxPlaces {
		return p
	}
	for v := range seen {
		p.places = append(p.places, v)
	}
	slices.Sort(p.places)
	n := len(p.places)
	p.best, p.rest, p.bounds = make([]block, n*n), make([]int16, n*n), make([]int32, n*n)
	for i := range n {
		for j := range n {
			p.best[i*n+j].count = -1
			p.bounds[i*n+j] = int32(p.barnes(p.places[i], p.places[j]))
			if j <= i {
				p.rest[i*n+j] = int16(p.place(p.places[i] - p.places[j]))
			}
		}
	}
	return p
}

// divisor is the greatest that a and b share.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// place is the index of the largest place that is not beyond v.
func (p *pallet) place(v int) int {
	i, found := slices.BinarySearch(p.places, v)
	if found {
		return i
	}
	return i - 1
}

// rect is a w x h rectangle at x, y.
type rect struct{ x, y, w, h int }

// spot is where one photo lies: at x, y, turned or not.
type spot struct {
	x, y   int
	turned bool
}

// count returns how many fit w x h.
func (p *pallet) count(w, h int) int {
	if p.places == nil {
		n, _ := p.strips(w, h)
		return n
	}
	return int(p.solve(p.place(w), p.place(h)).count)
}

// spots lists where they lie in r.
func (p *pallet) spots(r rect) []spot {
	if p.places == nil {
		_, spots := p.strips(r.w, r.h)
		for i := range spots {
			spots[i].x, spots[i].y = spots[i].x+r.x, spots[i].y+r.y
		}
		return spots
	}
	return p.list(nil, r.x, r.y, p.place(r.w), p.place(r.h))
}

func (p *pallet) at(i, j int) *block { return &p.best[i*len(p.places)+j] }

// bound is what no layout exceeds, after Barnes ("Packing the maximum number of m x n tiles in a large
// p x q rectangle", 1979). What is left free is at least what bars of a x 1 must leave free, and bars of
// b x 1; and together with whole photos it makes up the area.
func (p *pallet) bound(i, j int) int {
	return int(p.bounds[i*len(p.places)+j])
}

func (p *pallet) barnes(w, h int) int {
	w, h = w/p.unit, h/p.unit
	a, b := p.a/p.unit, p.b/p.unit
	return (w*h - max(barWaste(w, h, a), barWaste(w, h, b))) / (a * b)
}

func barWaste(w, h, bar int) int {
	r, s := w%bar, h%bar
	return min(r*s, (bar-r)*(bar-s))
}

// less is the index of the largest place that is left beside place i of a side of place n.
func (p *pallet) less(n, i int) int { return int(p.rest[n*len(p.places)+i]) }

// guillotine finds the best that cuts can do.
func (p *pallet) guillotine(i, j int) *block {
	b := p.at(i, j)
	if b.count >= 0 {
		return b
	}
	w, h := p.places[i], p.places[j]
	found := block{how: nothing}
	better := func(n int, how how, cut int) {
		if n > int(found.count) { // the plainer layout, tried earlier, stays where counts are equal
			found.count, found.how, found.cut[0] = int32(n), how, int16(cut)
		}
	}
	better((w/p.a)*(h/p.b), upright, 0)
	better((w/p.b)*(h/p.a), turned, 0)
	bound := p.bound(i, j)
	for x := 1; int(found.count) < bound && 2*p.places[x] <= w; x++ {
		better(int(p.guillotine(x, j).count+p.guillotine(p.less(i, x), j).count), cutX, x)
	}
	for y := 1; int(found.count) < bound && 2*p.places[y] <= h; y++ {
		better(int(p.guillotine(i, y).count+p.guillotine(i, p.less(j, y)).count), cutY, y)
	}
	*b = found
	return b
}

// solve finds the best of all layouts that we know.
func (p *pallet) solve(i, j int) *block {
	b := p.guillotine(i, j)
	if b.final {
		return b
	}
	b.final = true // also of the smaller ones below, which never ask for this one
	if int(b.count) < p.bound(i, j) {
		p.cuts(i, j, b)
		p.windmills(i, j, b)
	}
	return b
}

// cuts tries cuts again, now that the two parts may hold windmills.
func (p *pallet) cuts(i, j int, b *block) {
	for x := 1; 2*p.places[x] <= p.places[i]; x++ {
		if rest := p.less(i, x); p.bound(x, j)+p.bound(rest, j) > int(b.count) {
			if n := p.solve(x, j).count + p.solve(rest, j).count; n > b.count {
				b.count, b.how, b.cut[0] = n, cutX, int16(x)
			}
		}
	}
	for y := 1; 2*p.places[y] <= p.places[j]; y++ {
		if rest := p.less(j, y); p.bound(i, y)+p.bound(i, rest) > int(b.count) {
			if n := p.solve(i, y).count + p.solve(i, rest).count; n > b.count {
				b.count, b.how, b.cut[0] = n, cutY, int16(y)
			}
		}
	}
}

// windmills tries five blocks. The mirrored ones hold as many.
func (p *pallet) windmills(i, j int, b *block) {
	for x1 := 1; x1 < i; x1++ {
		for x2 := x1 + 1; x2 < i; x2++ {
			for y1 := 1; y1 < j; y1++ {
				for y2 := y1 + 1; y2 < j; y2++ {
					if p.effort--; p.effort < 0 || int(b.count) >= p.bound(i, j) {
						return
					}
					p.windmill(i, j, [4]int16{int16(x1), int16(x2), int16(y1), int16(y2)}, b)
				}
			}
		}
	}
}

func (p *pallet) windmill(i, j int, cut [4]int16, b *block) {
	blades := p.blades(i, j, cut)
	most := 0
	for _, r := range blades {
		most += p.bound(r.w, r.h)
	}
	for k, r := range blades {
		if most <= int(b.count) {
			return
		}
		most += int(p.solve(r.w, r.h).count) - p.bound(blades[k].w, blades[k].h)
	}
	if most > int(b.count) {
		b.count, b.how, b.cut = int32(most), windmill, cut
	}
}

// blades are a windmill's five blocks: positions in micrometres, sides as indices of places.
//
//	+---+-------+
//	|   |   C   |
//	| D +----+--+ y2
//	|   | E  |  |
//	+---+----+ B| y1
//	|   A    |  |
//	+--------+--+
//	   x1    x2
func (p *pallet) blades(i, j int, cut [4]int16) [5]rect {
	x1, x2, y1, y2 := int(cut[0]), int(cut[1]), int(cut[2]), int(cut[3])
	at := p.places
	return [5]rect{
		{0, 0, x2, y1},
		{at[x2], 0, p.less(i, x2), y2},
		{at[x1], at[y2], p.less(i, x1), p.less(j, y2)},
		{0, at[y1], x1, p.less(j, y1)},
		{at[x1], at[y1], p.less(x2, x1), p.less(y2, y1)},
	}
}

// list appends the spots of a solved rectangle at x, y.
func (p *pallet) list(spots []spot, x, y, i, j int) []spot {
	b := p.solve(i, j)
	switch c := int(b.cut[0]); b.how {
	case upright:
		return p.grid(spots, x, y, p.places[i], p.places[j], false)
	case turned:
		return p.grid(spots, x, y, p.places[i], p.places[j], true)
	case cutX:
		spots = p.list(spots, x, y, c, j)
		return p.list(spots, x+p.places[c], y, p.less(i, c), j)
	case cutY:
		spots = p.list(spots, x, y, i, c)
		return p.list(spots, x, y+p.places[c], i, p.less(j, c))
	case windmill:
		for _, r := range p.blades(i, j, b.cut) {
			spots = p.list(spots, x+r.x, y+r.y, r.w, r.h)
		}
	}
	return spots
}

// grid appends rows and columns.
func (p *pallet) grid(spots []spot, x, y, w, h int, turned bool) []spot {
	a, b := p.a, p.b
	if turned {
		a, b = b, a
	}
	for row := range h / b {
		for column := range w / a {
			spots = append(spots, spot{x + column*a, y + row*b, turned})
		}
	}
	return spots
}

// strips is for what has too many places to look at: rows and columns of one way, those of the other
// way in the strip beside or below.
func (p *pallet) strips(w, h int) (count int, spots []spot) {
	for _, first := range []bool{false, true} {
		a, b := p.a, p.b
		if first {
			a, b = b, a
		}
		for columns := range w/a + 1 {
			if n := columns*(h/b) + ((w-columns*a)/b)*(h/a); n > count {
				count = n
				spots = p.grid(nil, 0, 0, columns*a, h, first)
				spots = p.grid(spots, columns*a, 0, w-columns*a, h, !first)
			}
		}
		for rows := range h/b + 1 {
			if n := rows*(w/a) + ((h-rows*b)/a)*(w/b); n > count {
				count = n
				spots = p.grid(nil, 0, 0, w, rows*b, first)
				spots = p.grid(spots, 0, rows*b, w, h-rows*b, !first)
			}
		}
	}
	return count, spots
}
