package pipeline

import (
	"idphoto/pipeline/matte"
	"idphoto/pipeline/resample"
)

// edgeFade is how many pixels of its input the matting network is unsure of along an edge of the
// picture: there it fades people who are cut by the edge.
const edgeFade = 10

// mendEdges makes a person whom the picture's edge cuts opaque right up to it, and a little past
// it, so that no background shines through where the photo ends at the edge. Where the matte has
// faded to nothing already the person ended before the edge.
func mendEdges(a *resample.Plane, inside []bool) {
	at := func(x, y int) bool { return x >= 0 && y >= 0 && x < a.W && y < a.H && inside[y*a.W+x] }
	for _, d := range [4][2]int{{0, -1}, {0, 1}, {-1, 0}, {1, 0}} { // towards the edge
		for y := range a.H {
			for x := range a.W {
				if !at(x, y) || at(x+d[0], y+d[1]) || a.Pix[y*a.W+x] <= matte.Faint {
					continue
				}
				ix, iy := x-edgeFade*d[0], y-edgeFade*d[1]
				if !at(ix, iy) {
					continue
				}
				sure := a.Pix[iy*a.W+ix]
				for k := range edgeFade {
					i := (y-k*d[1])*a.W + x - k*d[0]
					a.Pix[i] = max(a.Pix[i], sure)
				}
				for k := 1; k <= 3; k++ { // as far as interpolation reads
					if px, py := x+k*d[0], y+k*d[1]; px >= 0 && py >= 0 && px < a.W && py < a.H {
						a.Pix[py*a.W+px] = a.Pix[y*a.W+x]
					}
				}
			}
		}
	}
}
