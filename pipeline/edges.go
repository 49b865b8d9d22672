package pipeline

import (
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

// edgeFade is how many pixels of its input the matting network is unsure of along an edge of the
// picture: there it fades people who are cut by the edge.
const edgeFade = 10

// edge is a pixel of a matte next to the picture's edge or the matte's border, which lies in
// direction (dx, dy).
type edge struct{ x, y, dx, dy int }

// edges lists the edges of a w x h matte. inside tells which pixels the picture covers; nil: all.
func edges(w, h int, inside []bool) []edge {
	at := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < w && y < h && (inside == nil || inside[y*w+x])
	}
	var es []edge
	look := func(x, y int) {
		if !at(x, y) {
			return
		}
		for _, d := range [4][2]int{{0, -1}, {0, 1}, {-1, 0}, {1, 0}} {
			if !at(x+d[0], y+d[1]) {
				es = append(es, edge{x, y, d[0], d[1]})
			}
		}
	}
	for y := range h {
		step := 1
		if inside == nil && y > 0 && y < h-1 {
			step = max(1, w-1) // only the row's ends
		}
		for x := 0; x < w; x += step {
			look(x, y)
		}
	}
	return es
}

// mendEdges makes a person whom the picture's edge cuts opaque right up to it, and a little past
// it, so that no background shines through where the photo ends at the edge. Where the matte has
// faded to nothing already the person ended before the edge.
func mendEdges(a *resample.Plane, es []edge) {
	for _, e := range es {
		ix, iy := e.x-edgeFade*e.dx, e.y-edgeFade*e.dy
		if a.At(e.x, e.y) > matte.Faint && ix >= 0 && iy >= 0 && ix < a.W && iy < a.H {
			mendEdge(a, e)
		}
	}
}

// mendEdge mends the matte at one edge.
func mendEdge(a *resample.Plane, e edge) {
	sure := a.At(e.x-edgeFade*e.dx, e.y-edgeFade*e.dy)
	for k := range edgeFade {
		i := (e.y-k*e.dy)*a.W + e.x - k*e.dx
		a.Pix[i] = max(a.Pix[i], sure)
	}
	for k := 1; k <= 3; k++ { // as far as interpolation reads
		if x, y := e.x+k*e.dx, e.y+k*e.dy; x >= 0 && y >= 0 && x < a.W && y < a.H {
			a.Pix[y*a.W+x] = a.At(e.x, e.y)
		}
	}
}
