package face

import (
	"context"
	"fmt"
	"image"
	"math"

	"idphoto/models"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Face is one face, measured.
type Face struct {
	Box
	Mesh  []geometry.Point  // 468 points of MediaPipe's face mesh
	Depth []float64         // of the mesh's points, in source pixels: the smaller, the nearer
	Eyes  [2]geometry.Point // iris centres: left, right

	// From the iris network, per eye: the iris' radius in source pixels, and its 71 points of the
	// eye's contour and brow, of which the first 16 are the eyelids' contour.
	IrisRadius [2]float64
	EyeContour [2][]geometry.Point

	Chin  geometry.Point    // menton
	Sides [2]geometry.Point // the face's outline at its widest: left, right
	Roll  float64           // radians; positive when the right eye is lower
	Score float64           // of the mesh: 0 to 1
}

// EyeDistance is the distance between the iris centres.
func (f *Face) EyeDistance() float64 { return f.Eyes[0].Dist(f.Eyes[1]) }

// EyeMid is the point between the iris centres.
func (f *Face) EyeMid() geometry.Point { return f.Eyes[0].Mid(f.Eyes[1]) }

// MeshPoints is how many points Face.Mesh has.
const MeshPoints = 468

// Points of the mesh (MediaPipe face_mesh topology).
const (
	meshChin      = 152
	meshLeftSide  = 234
	meshRightSide = 454
	meshInput     = 192
	meshMargin    = 1.55 // side of the region over the longer side of the face: at 1.5 its outline comes out 1 % low, at 1.6 2 % high
	irisInput     = 64
	irisMargin    = 2.3 // side of the region over the distance of the eye's corners
	leftEyeOuter  = 33
	leftEyeInner  = 133
	rightEyeInner = 362
	rightEyeOuter = 263
	minMeshScore  = 0.5
)

// The mesh depends a little on its region, so the region wanted is the one that the mesh found in it
// asks for again. Whatever box the search starts from, it ends there: on 19 faces, looked for at five
// sizes, two runs leave the menton 0.006 eye distances (median) from where ten runs put it.
const (
	boxShare    = .88  // of a box's longer side, which that of its face's mesh is (some 6 % more or less)
	mouthShare  = .455 // of the way from eyes to mouth, where the mesh's middle lies
	meshRelax   = .5   // a third of what the region's size is off is left after a run: so much is added to the step
	meshSettled = .02  // a region that then moves less, in sides of the mesh, needs no other run
	meshRuns    = 4    // at most; 2.2 on average
)

// Measure finds the landmarks of the face in b. ok is false when the network sees no face there.
func (f *Finder) Measure(ctx context.Context, src resample.Source, b Box) (face *Face, ok bool, err error) {
	out := &Face{Box: b}
	centre, size, roll := expected(b)
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if out.Mesh, out.Depth, out.Score, err = f.runMesh(src, geometry.Square(meshInput, centre, meshMargin*size, roll)); err != nil {
			return nil, false, err
		}
		found, side := extent(out.Mesh, roll)
		next := side + meshRelax*(side-size)
		if moved := max(found.Dist(centre), math.Abs(next-size)) / side; n == meshRuns || n > 1 && moved < meshSettled {
			break
		}
		centre, size = found, next
		roll = angle(out.Mesh[leftEyeOuter], out.Mesh[rightEyeOuter])
	}
	if out.Score < minMeshScore {
		return nil, false, nil
	}
	m := out.Mesh
	for i, corners := range [2][2]int{{leftEyeOuter, leftEyeInner}, {rightEyeInner, rightEyeOuter}} {
		if err := f.runIris(out, i, src, m[corners[0]], m[corners[1]]); err != nil {
			return nil, false, err
		}
	}
	out.Sides = [2]geometry.Point{m[meshLeftSide], m[meshRightSide]}
	out.Roll = angle(out.Eyes[0], out.Eyes[1])
	out.Chin = refineChin(src, out)
	return out, true, nil
}

// expected is where the mesh of the face in b will be: its middle, longer side and roll.
func expected(b Box) (centre geometry.Point, size, roll float64) {
	eyes, mouth := b.Landmarks[0].Mid(b.Landmarks[1]), b.Landmarks[3].Mid(b.Landmarks[4])
	roll = angle(b.Landmarks[0], b.Landmarks[1])
	level := geometry.Similarity(1, roll, eyes)
	toLevel := level.Inverse()
	at := geometry.Point{X: toLevel.Apply(b.Center()).X, Y: mouthShare * toLevel.Apply(mouth).Y}
	return level.Apply(at), boxShare * b.Size(), roll
}

func angle(left, right geometry.Point) float64 {
	return math.Atan2(right.Y-left.Y, right.X-left.X)
}

func (f *Finder) runMesh(src resample.Source, region geometry.Affine) (mesh []geometry.Point, depth []float64, score float64, err error) {
	out, err := f.mesh.Run(unitTensor(resample.Sample(src, region, meshInput, meshInput, resample.Linear), false))
	if err != nil {
		return nil, nil, 0, err
	}
	points, logit, err := meshOutputs(out)
	if err != nil {
		return nil, nil, 0, err
	}
	mesh, depth = make([]geometry.Point, MeshPoints), make([]float64, MeshPoints)
	for i := range mesh {
		mesh[i] = region.Apply(geometry.Point{X: float64(points[3*i]), Y: float64(points[3*i+1])})
		depth[i] = float64(points[3*i+2]) * region.Scale()
	}
	return mesh, depth, 1 / (1 + math.Exp(-logit)), nil
}

// meshOutputs tells the points from the score by their lengths.
func meshOutputs(out []models.Tensor) (points []float32, logit float64, err error) {
	for _, t := range out {
		switch len(t.Data) {
		case 3 * MeshPoints:
			points = t.Data
		case 1:
			logit = float64(t.Data[0])
		}
	}
	if points == nil {
		return nil, 0, fmt.Errorf("face mesh gave no %d points", MeshPoints)
	}
	return points, logit, nil
}

// extent returns the middle and the longer side of the points' bounding box, in axes turned by roll.
func extent(points []geometry.Point, roll float64) (geometry.Point, float64) {
	turn := geometry.Similarity(1, -roll, geometry.Point{})
	lo := geometry.Point{X: math.Inf(1), Y: math.Inf(1)}
	hi := geometry.Point{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, p := range points {
		q := turn.Apply(p)
		lo = geometry.Point{X: min(lo.X, q.X), Y: min(lo.Y, q.Y)}
		hi = geometry.Point{X: max(hi.X, q.X), Y: max(hi.Y, q.Y)}
	}
	return turn.Inverse().Apply(lo.Mid(hi)), max(hi.X-lo.X, hi.Y-lo.Y)
}

// What the iris network gives beside the centre, which is the first of its iris' points.
const (
	irisPoints    = 5
	contourPoints = 71
)

// runIris measures eye i of out, between its two corners. The network knows the eye on the picture's
// right; the other one is mirrored.
func (f *Finder) runIris(out *Face, i int, src resample.Source, left, right geometry.Point) error {
	region := geometry.Square(irisInput, left.Mid(right), irisMargin*left.Dist(right), angle(left, right))
	mirror := i == 0
	tensors, err := f.iris.Run(unitTensor(resample.Sample(src, region, irisInput, irisInput, resample.Linear), mirror))
	if err != nil {
		return err
	}
	var iris []geometry.Point
	for _, t := range tensors {
		points := make([]geometry.Point, len(t.Data)/3)
		for k := range points {
			x := float64(t.Data[3*k])
			if mirror {
				x = irisInput - x
			}
			points[k] = region.Apply(geometry.Point{X: x, Y: float64(t.Data[3*k+1])})
		}
		switch len(points) {
		case irisPoints:
			iris = points
		case contourPoints:
			out.EyeContour[i] = points
		}
	}
	if iris == nil || out.EyeContour[i] == nil {
		return fmt.Errorf("iris network gave no %d and %d points", irisPoints, contourPoints)
	}
	out.Eyes[i] = iris[0]
	for _, p := range iris[1:] {
		out.IrisRadius[i] += iris[0].Dist(p) / (irisPoints - 1)
	}
	return nil
}

// unitTensor lays img out as 1 x H x W x 3 in 0..1, mirrored left to right when asked.
func unitTensor(img *image.RGBA, mirror bool) models.Tensor {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	t := models.Float32(1, int64(h), int64(w), 3)
	for y := range h {
		row := img.Pix[y*img.Stride:]
		for x := range w {
			from := x
			if mirror {
				from = w - 1 - x
			}
			i := 3 * (y*w + x)
			t.Data[i] = float32(row[4*from]) / 255
			t.Data[i+1] = float32(row[4*from+1]) / 255
			t.Data[i+2] = float32(row[4*from+2]) / 255
		}
	}
	return t
}
