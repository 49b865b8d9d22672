package sheet

// Lengths of marks.
const (
	stroke     Micron = 100  // width
	cornerMark Micron = 3000 // length, where there is room
)

// line is one mark. It lies beside the cut, not on it: its nearer side at At.
type line struct {
	upright  bool   // down the page, at x = at; else across it, at y = at
	at       Micron // of the cut
	from, to Micron
	side     int // -1: left of or above the cut; 1: right of or below it
}

// marks lists the lines to draw.
func (p *Plan) marks() []line {
	if p.Options.Marks == NoMarks {
		return nil
	}
	reach := cornerMark
	if p.Options.Marks == Lines {
		reach = p.W + p.H
	}
	type cut struct {
		upright      bool
		at, from, to Micron
	}
	seen := make(map[cut]bool)
	var lines []line
	add := func(l line) {
		k := cut{l.upright, l.at, l.from, l.to}
		if l.to > l.from && !seen[k] {
			seen[k] = true
			lines = append(lines, l)
		}
	}
	for _, c := range p.Cells {
		for _, l := range []line{
			{false, c.Y, c.X, c.X + c.W, -1}, {false, c.Y + c.H, c.X, c.X + c.W, 1},
			{true, c.X, c.Y, c.Y + c.H, -1}, {true, c.X + c.W, c.Y, c.Y + c.H, 1},
		} {
			before, after := l, l
			before.from, before.to = p.free(l, -reach), l.from
			after.from, after.to = l.to, p.free(l, reach)
			if p.Options.Marks == Lines {
				before.to, after.from = l.to, l.to // one stroke from end to end
				before.to = after.to
				add(before)
				continue
			}
			add(before)
			add(after)
		}
	}
	return lines
}

// free returns how far the line can go beyond its end (before its beginning where reach is negative)
// until it meets a photo or the edge of the paper.
func (p *Plan) free(l line, reach Micron) Micron {
	end := p.W
	if l.upright {
		end = p.H
	}
	stop := min(l.to+reach, end)
	if reach < 0 {
		stop = max(l.from+reach, 0)
	}
	for _, c := range p.Cells {
		low, high, near, far := c.Y, c.Y+c.H, c.X, c.X+c.W
		if l.upright {
			low, high, near, far = near, far, low, high
		}
		// The stroke's own width counts, so that it never lies on a photo.
		top, bottom := l.at, l.at+stroke
		if l.side < 0 {
			top, bottom = l.at-stroke, l.at
		}
		if bottom <= low || top >= high {
			continue
		}
		switch {
		case reach > 0 && near >= l.to:
			stop = min(stop, near)
		case reach < 0 && far <= l.from:
			stop = max(stop, far)
		}
	}
	return stop
}
