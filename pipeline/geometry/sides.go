package geometry

import (
	"cmp"
	"math"
	"slices"

	"idphoto/pipeline/spec"
)

// maxSplits bounds how many ways of splitting a side cut are tried.
const maxSplits = 4

// besides returns the ways of keeping a side cut out of the photo: its upper part beside the photo and
// the rest below, for several heights of the split. A cut along a picture's edge leans when the head
// is levelled, so where it is split matters. side is -1 for a cut on the left, 1 on the right. The first
// way is never empty where there is a cut.
func besides(cut []Point, name string, s *spec.Spec, side float64) [][]Bound {
	if len(cut) == 0 {
		return [][]Bound{nil}
	}
	cut = slices.Clone(cut)
	slices.SortFunc(cut, func(p, q Point) int { return cmp.Compare(p.Y, q.Y) })
	// A split is worth a look only where the next point is nearer to the photo than all above it.
	splits := []int{}
	nearest := math.Inf(1)
	for i, p := range cut {
		if side*p.X < nearest {
			splits = append(splits, i)
			nearest = side * p.X
		}
	}
	splits = append(thin(splits, maxSplits), len(cut))
	edge := 0.
	if side > 0 {
		edge = float64(s.WidthPx)
	}
	var ways [][]Bound
	for _, n := range splits {
		var bounds []Bound
		if n > 0 {
			nearest := math.Inf(1)
			for _, p := range cut[:n] {
				nearest = min(nearest, side*p.X)
			}
			bounds = append(bounds, Bound{Name: name, Gain: nearest, Aside: side, Const: -side * edge})
		}
		if n < len(cut) {
			bounds = append(bounds, Bound{Name: name, Gain: cut[n].Y, Move: 1, Const: -float64(s.HeightPx)})
		}
		ways = append(ways, bounds)
	}
	return ways
}

// thin keeps at most n of the splits, evenly, the first among them.
func thin(splits []int, n int) []int {
	if len(splits) <= n {
		return splits
	}
	kept := make([]int, n)
	for i := range kept {
		kept[i] = splits[i*len(splits)/n]
	}
	return kept
}
