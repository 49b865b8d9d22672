package pipeline

import (
	"cmp"
	"math"
	"slices"

	"idphoto/pipeline/face"
)

// A row of a group picture, and when it is two of them.
const (
	// A row of one height of people falls apart into halves whose heights vary a quarter as much (a
	// third for a hump in the middle). Two rows vary far less when they are told apart.
	rowContrast = 5

	rowStep  = 0.75 // between two rows of three or more, in heights of a face
	loneStep = 1.25 // between rows when one of them has one or two people, who may be short or tall
	overhang = 0.5  // faces that are nearer than this side by side, in widths, do not stand in one row
)

// rowsOf sorts faces as people read names under a picture: row by row from the top, each from the left.
//
// It cuts the faces' heights in two where that explains most of their variance (Jenks, 1967), as long
// as what is left is two rows by the rules above, or has one face above another.
func rowsOf(faces []*face.Face) [][]*face.Face {
	byHeight := slices.Clone(faces)
	slices.SortFunc(byHeight, func(a, b *face.Face) int { return cmp.Compare(a.Center().Y, b.Center().Y) })
	all := splitRows(byHeight)
	for _, row := range all {
		slices.SortFunc(row, func(a, b *face.Face) int { return cmp.Compare(a.Center().X, b.Center().X) })
	}
	return all
}

// splitRows divides faces that are sorted by height into rows.
func splitRows(faces []*face.Face) [][]*face.Face {
	at, contrast, step := bestBreak(faces)
	if at == 0 {
		return [][]*face.Face{faces}
	}
	need := rowStep
	if min(at, len(faces)-at) < 3 {
		need = loneStep
	}
	if (contrast < rowContrast || step < need) && !stacked(faces) {
		return [][]*face.Face{faces}
	}
	return append(splitRows(faces[:at]), splitRows(faces[at:])...)
}

// bestBreak returns where to cut in two so that heights vary least within the parts, how many times
// less than before, and how far the parts' means are apart in heights of a face. at is 0 for one face.
func bestBreak(faces []*face.Face) (at int, contrast, step float64) {
	best := math.Inf(1)
	for i := 1; i < len(faces); i++ {
		if v := heightVariance(faces[:i]) + heightVariance(faces[i:]); v < best {
			at, best = i, v
		}
	}
	if at == 0 {
		return 0, 0, 0
	}
	return at, heightVariance(faces) / max(best, 1e-9), (meanHeight(faces[at:]) - meanHeight(faces[:at])) / medianSize(faces)
}

// heightVariance is the sum of the squared distances of the heights from their mean.
func heightVariance(faces []*face.Face) (sum float64) {
	mean := meanHeight(faces)
	for _, f := range faces {
		d := f.Center().Y - mean
		sum += d * d
	}
	return sum
}

func meanHeight(faces []*face.Face) (mean float64) {
	for _, f := range faces {
		mean += f.Center().Y / float64(len(faces))
	}
	return mean
}

func medianSize(faces []*face.Face) float64 {
	sizes := make([]float64, len(faces))
	for i, f := range faces {
		sizes[i] = f.Size()
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// stacked reports whether one face is above another.
func stacked(faces []*face.Face) bool {
	for i, a := range faces {
		for _, b := range faces[i+1:] {
			limit := overhang * min(a.Max.X-a.Min.X, b.Max.X-b.Min.X)
			if math.Abs(a.Center().X-b.Center().X) < limit {
				return true
			}
		}
	}
	return false
}
