package sheet

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// size is what items of one size want together. Lengths are in micrometres, with a gap each.
type size struct {
	a, b   int
	items  []int // indices
	count  int   // of items that say how many
	fills  int   // items that want as many as fit
	pallet *pallet
}

// group puts items of one size together, the order of first ones kept.
func group(items []Item, gap int) []*size {
	var groups []*size
	for i, it := range items {
		a, b := int(FromMM(it.WidthMM))+gap, int(FromMM(it.HeightMM))+gap
		at := slices.IndexFunc(groups, func(s *size) bool { return s.a == a && s.b == b })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &size{a: a, b: b})
		}
		s := groups[at]
		s.items = append(s.items, i)
		s.count += it.Count
		if it.Count == 0 {
			s.fills++
		}
	}
	return groups
}

// share divides n cells among the size's items.
func (s *size) share(n int, items []Item, placed []int) {
	kept := min(n, s.fills)
	n -= kept
	for _, i := range s.items {
		placed[i] = min(n, items[i].Count)
		n -= placed[i]
	}
	rest, fills := n+kept, s.fills
	for _, i := range s.items {
		if items[i].Count == 0 {
			placed[i] = (rest + fills - 1) / fills
			rest -= placed[i]
			fills--
		}
	}
}

// pack lays the groups in w x h from the corner. A cell's Item is its group's index.
func pack(w, h int, groups []*size) []Cell {
	for _, s := range groups {
		s.pallet = newPallet(s.a, s.b, max(w, h))
	}
	if len(groups) == 1 {
		return one(w, h, groups[0])
	}
	want := make([]int, len(groups))
	for i, s := range groups {
		want[i] = s.count
	}
	p := &packer{w: w, h: h, groups: groups}
	level := func(n int) []int {
		wanted := slices.Clone(want)
		for i, s := range groups {
			wanted[i] += n * s.fills
		}
		return wanted
	}
	// Items that take what is left get equally many first, then what still fits.
	best, n := p.search(level(0)), 0
	if slices.ContainsFunc(groups, func(s *size) bool { return s.fills > 0 }) {
		first := p.search(level(1)) // one of each, or as near as it gets
		if best = first; first.complete {
			n = 1
			for beyond := p.most(groups) + 1; beyond-n > 1; {
				middle := (n + beyond) / 2
				if next := p.search(level(middle)); next.complete {
					best, n = next, middle
				} else {
					beyond = middle
				}
			}
		}
	}
	return p.cells(best)
}

// one lays photos of one size: in rows when those hold all that is asked for, else as many as fit.
func one(w, h int, s *size) []Cell {
	want := s.count
	most := s.pallet.count(w, h)
	if s.fills > 0 {
		want = most
	}
	want = min(want, most, MaxCount)
	for _, turned := range []bool{false, true} {
		a, b := s.a, s.b
		if turned {
			a, b = b, a
		}
		columns, rows := w/a, h/b
		if want == 0 || columns*rows < want {
			continue
		}
		rows = (want + columns - 1) / columns
		columns = (want + rows - 1) / rows // even rows look better than a last one of few
		return s.lay(0, s.pallet.grid(nil, 0, 0, columns*a, rows*b, turned)[:want])
	}
	spots := s.pallet.spots(rect{0, 0, w, h})
	slices.SortFunc(spots, func(a, b spot) int { return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x)) })
	return s.lay(0, spots[:want])
}

// lay makes cells of spots.
func (s *size) lay(group int, spots []spot) []Cell {
	cells := make([]Cell, len(spots))
	for i, at := range spots {
		c := Cell{group, Micron(at.x), Micron(at.y), Micron(s.a), Micron(s.b), at.turned}
		if at.turned {
			c.W, c.H = c.H, c.W
		}
		cells[i] = c
	}
	return cells
}

// packer searches for a good way to lay several sizes. Every way is guillotine: a block of rows and columns
// goes into a free rectangle, what is left of that is cut in two, and so on.
type packer struct {
	w, h   int
	groups []*size
}

// packing is one way.
type packing struct {
	complete bool
	placed   int // of what was asked for
	filled   int // beside that, by items that take what is left
	room     int // area of the largest free rectangle
	blocks   []laid
	free     []rect
}

// laid is a block of spots of one group.
type laid struct {
	group int
	spots []spot
}

// better orders packings.
func (a *packing) better(b *packing) bool {
	return cmp.Or(cmp.Compare(a.placed, b.placed), cmp.Compare(a.filled, b.filled), cmp.Compare(a.room, b.room)) > 0
}

// tries is how many ways a search looks at; the first ones are orderly, the rest drawn by lot.
const tries = 400

// search returns the best packing of so many of each group. It draws the same lots each time, so that
// the same order is the same sheet.
func (p *packer) search(want []int) *packing {
	lots := rand.New(rand.NewPCG(1, 2))
	var best *packing
	for try := range tries {
		next := p.try(want, newManner(try, len(want), p.groups, lots))
		if best == nil || next.better(best) {
			best = next
		}
	}
	return best
}

// most is an upper bound of how many of each item that fills there can be.
func (p *packer) most(groups []*size) int {
	area, each := p.w*p.h, 0
	for _, s := range groups {
		area -= s.count * s.a * s.b
		each += s.fills * s.a * s.b
	}
	return max(1, min(area/each, MaxCount))
}

// manner is how one try goes about it.
type manner struct {
	order     []int // of groups
	wide      bool  // what is left of a free rectangle is cut so that the part below is as wide as it
	switching bool  // the longer part is kept whole instead
	flat      bool  // turned ones are tried first
	rows      bool  // one row at a time
	low       bool  // the uppermost free rectangle, not the tightest
}

func newManner(try, n int, groups []*size, lots *rand.Rand) manner {
	m := manner{order: make([]int, n)}
	for i := range n {
		m.order[i] = i
	}
	slices.SortStableFunc(m.order, func(i, j int) int {
		return cmp.Compare(groups[j].a*groups[j].b, groups[i].a*groups[i].b)
	})
	bits := try
	if try >= 32 {
		bits = lots.IntN(32)
		lots.Shuffle(n, func(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] })
	}
	m.wide, m.flat, m.rows, m.low, m.switching = bits&1 == 0, bits&2 != 0, bits&4 != 0, bits&8 == 0, bits&16 != 0
	return m
}

// try packs in one manner.
func (p *packer) try(want []int, m manner) *packing {
	out := &packing{free: []rect{{0, 0, p.w, p.h}}, complete: true}
	for _, g := range m.order {
		left := want[g]
		for left > 0 {
			n := out.place(g, p.groups[g], left, m)
			if n == 0 {
				out.complete = false
				break
			}
			left -= n
			out.placed += n
		}
	}
	for _, r := range out.free {
		out.room = max(out.room, r.w*r.h)
		most := 0
		for _, s := range p.groups {
			if s.fills > 0 {
				most = max(most, s.pallet.quick(r.w, r.h))
			}
		}
		out.filled += most
	}
	return out
}

// place lays a block of at most n into one of the free rectangles, and returns how many it has.
func (k *packing) place(group int, s *size, n int, m manner) int {
	at, turned := k.choose(s, m)
	if at < 0 {
		return 0
	}
	r := k.free[at]
	a, b := s.a, s.b
	if turned {
		a, b = b, a
	}
	columns := min(r.w/a, n)
	rows := min(r.h/b, n/columns)
	if m.rows {
		rows = 1
	}
	block := rect{r.x, r.y, columns * a, rows * b}
	k.blocks = append(k.blocks, laid{group, s.pallet.grid(nil, block.x, block.y, block.w, block.h, turned)})
	k.free = slices.Delete(k.free, at, at+1)
	wide := m.wide
	if m.switching {
		wide = (r.w-block.w)*block.h < block.w*(r.h-block.h)
	}
	beside := rect{r.x + block.w, r.y, r.w - block.w, block.h}
	below := rect{r.x, r.y + block.h, r.w, r.h - block.h}
	if !wide {
		beside.h, below.w = r.h, block.w
	}
	for _, part := range []rect{beside, below} {
		if part.w > 0 && part.h > 0 {
			k.free = append(k.free, part)
		}
	}
	return columns * rows
}

// choose picks a free rectangle, and whether photos lie turned in it; -1: there is none.
func (k *packing) choose(s *size, m manner) (at int, turned bool) {
	at = -1
	least := 0
	for i, r := range k.free {
		for _, way := range []bool{m.flat, !m.flat} {
			a, b := s.a, s.b
			if way {
				a, b = b, a
			}
			if a > r.w || b > r.h {
				continue
			}
			cost := min(r.w%a, r.h%b)
			if m.low {
				cost = r.y + r.x/16
			}
			if at < 0 || cost < least {
				at, turned, least = i, way, cost
			}
		}
	}
	return at, turned
}

// quick is what rows and columns, and cuts where places are known, hold: a count without windmills.
func (p *pallet) quick(w, h int) int {
	if p.places == nil {
		return max((w/p.a)*(h/p.b), (w/p.b)*(h/p.a))
	}
	return int(p.guillotine(p.place(w), p.place(h)).count)
}

// cells are those of a packing, its free rectangles filled with what takes the rest.
func (p *packer) cells(k *packing) []Cell {
	var cells []Cell
	for _, b := range k.blocks {
		cells = append(cells, p.groups[b.group].lay(b.group, b.spots)...)
	}
	for _, r := range k.free {
		fullest := -1
		for g, s := range p.groups {
			if s.fills > 0 && (fullest < 0 || s.pallet.count(r.w, r.h) > p.groups[fullest].pallet.count(r.w, r.h)) {
				fullest = g
			}
		}
		if fullest >= 0 {
			s := p.groups[fullest]
			cells = append(cells, s.lay(fullest, s.pallet.spots(r))...)
		}
	}
	return cells[:min(len(cells), MaxCount)]
}
