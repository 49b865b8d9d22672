package sheet

import (
	"fmt"
	"testing"
)

// exhaustive counts by trying everything: on a grid of whole units it covers the first free square
// with a photo of each way, or leaves it free. It shares nothing with pallet.
type exhaustive struct {
	w, h, a, b int
	taken      []bool
	best       int
}

func (e *exhaustive) search(from, placed, free int) {
	e.best = max(e.best, placed)
	if e.best >= placed+free/(e.a*e.b) {
		return
	}
	for from < len(e.taken) && e.taken[from] {
		from++
	}
	if from == len(e.taken) {
		return
	}
	ways := [][2]int{{e.a, e.b}, {e.b, e.a}}
	if e.a == e.b {
		ways = ways[:1]
	}
	for _, way := range ways {
		if e.room(from, way[0], way[1]) {
			e.set(from, way[0], way[1], true)
			e.search(from+way[0], placed+1, free-e.a*e.b)
			e.set(from, way[0], way[1], false)
		}
	}
	e.taken[from] = true
	e.search(from+1, placed, free-1)
	e.taken[from] = false
}

func (e *exhaustive) room(at, a, b int) bool {
	x, y := at%e.w, at/e.w
	if x+a > e.w || y+b > e.h {
		return false
	}
	for v := y; v < y+b; v++ {
		for u := x; u < x+a; u++ {
			if e.taken[v*e.w+u] {
				return false
			}
		}
	}
	return true
}

func (e *exhaustive) set(at, a, b int, taken bool) {
	for v := at / e.w; v < at/e.w+b; v++ {
		for u := at % e.w; u < at%e.w+a; u++ {
			e.taken[v*e.w+u] = taken
		}
	}
}

func TestNoLayoutHoldsMoreOnSmallPapers(t *testing.T) {
	most := 9
	if testing.Short() {
		most = 7
	}
	tried, windmills := 0, 0
	for a := 1; a <= 5; a++ {
		for b := a + 1; b <= 7; b++ {
			for w := a; w <= most; w++ {
				for h := w; h <= most+2; h++ {
					if a*b < 3 {
						continue
					}
					p := newPallet(a, b, h)
					got := p.count(w, h)
					e := &exhaustive{w: w, h: h, a: a, b: b, taken: make([]bool, w*h)}
					e.search(0, 0, w*h)
					if got != e.best {
						t.Errorf("%d x %d on %d x %d: %d, an exhaustive search finds %d", a, b, w, h, got, e.best)
					}
					checkSpots(t, p, w, h)
					tried++
					if p.solve(p.place(w), p.place(h)).how == windmill {
						windmills++
					}
				}
			}
		}
	}
	t.Logf("%d papers, %d of them need a windmill", tried, windmills)
}

// checkSpots wants as many as were counted, inside, none over another.
func checkSpots(t *testing.T, p *pallet, w, h int) {
	t.Helper()
	spots := p.spots(rect{0, 0, w, h})
	if len(spots) != p.count(w, h) {
		t.Errorf("%d x %d on %d x %d: %d spots for a count of %d", p.a, p.b, w, h, len(spots), p.count(w, h))
	}
	size := func(s spot) (int, int) {
		if s.turned {
			return p.b, p.a
		}
		return p.a, p.b
	}
	for i, s := range spots {
		sw, sh := size(s)
		if s.x < 0 || s.y < 0 || s.x+sw > w || s.y+sh > h {
			t.Errorf("%d x %d on %d x %d: %+v lies outside", p.a, p.b, w, h, s)
		}
		for _, o := range spots[:i] {
			ow, oh := size(o)
			if s.x < o.x+ow && o.x < s.x+sw && s.y < o.y+oh && o.y < s.y+sh {
				t.Errorf("%d x %d on %d x %d: %+v and %+v overlap", p.a, p.b, w, h, s, o)
			}
		}
	}
}

func BenchmarkPallet(b *testing.B) {
	for _, tc := range [][4]int{{25, 35, 210, 297}, {22, 32, 210, 297}, {35, 45, 210, 297}, {33, 48, 210, 297}, {27, 37, 206, 293}, {26, 32, 297, 420}} {
		b.Run(fmt.Sprint(tc), func(b *testing.B) {
			n, bound := 0, 0
			for b.Loop() {
				p := newPallet(tc[0], tc[1], tc[3])
				n = p.count(tc[2], tc[3])
				bound = p.bound(p.place(tc[2]), p.place(tc[3]))
				b.ReportMetric(float64(maxEffort-p.effort), "windmills")
			}
			b.ReportMetric(float64(n), "photos")
			b.ReportMetric(float64(bound), "bound")
		})
	}
}
